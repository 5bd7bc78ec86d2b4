package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const original = `{
  "cniVersion": "1.0.0",
  "name": "cluster",
  "weight": 12345678901234567890,
  "plugins": [
    {
      "type": "bridge",
      "mtu": 1500
    }
  ],
  "ours": {
    "b": 1,
    "a": 2
  }
}
`

// node is a node with a plugin to install, a directory of plugins and one configuration.
func node(t *testing.T, configuration string) (*installer, string) {
	t.Helper()
	root := t.TempDir()
	conf := filepath.Join(root, "10-cluster.conflist")
	i := &installer{
		plugin: filepath.Join(root, "image", "demo-cni"),
		bin:    filepath.Join(root, "bin"),
		conf:   filepath.Join(root, "*.conflist"),
		log:    io.Discard,
	}
	must(t, os.MkdirAll(filepath.Dir(i.plugin), 0o755))
	must(t, os.WriteFile(i.plugin, []byte("program"), 0o755))
	if configuration != "" {
		must(t, os.WriteFile(conf, []byte(configuration), 0o600))
	}
	return i, conf
}

// rewritten makes the node's agent replace the configuration.
func rewritten(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	return string(raw)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// entries counts how often our plugin stands in the configuration.
func entries(t *testing.T, path string) int { return strings.Count(read(t, path), `"demo-cni"`) }

func TestInstallAndUndoLeaveTheNodeAsItWas(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	if entries(t, conf) != 1 || read(t, i.target()) != "program" {
		t.Fatalf("not installed: %s", read(t, conf))
	}
	if !strings.Contains(read(t, conf), "12345678901234567890") {
		t.Error("a number lost its form")
	}
	must(t, i.undo())
	if got := read(t, conf); got != original {
		t.Errorf("the configuration became %s", got)
	}
	if exists(i.bin) {
		t.Error("the directory that we made is still there")
	}
	if info, _ := os.Stat(conf); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestInstallingAgainChangesNothing(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	once := read(t, conf)
	must(t, i.install())
	if read(t, conf) != once {
		t.Error("the second installation changed the configuration")
	}
}

func TestUndoKeepsWhatOthersChanged(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	changed := strings.Replace(read(t, conf), `"mtu": 1500`, `"mtu": 9000`, 1)
	must(t, os.WriteFile(conf, []byte(changed), 0o600))
	must(t, i.undo())
	if want := strings.Replace(original, "1500", "9000", 1); read(t, conf) != want {
		t.Errorf("the configuration became %s", read(t, conf))
	}
}

func TestWhatWasChainedBeforeStays(t *testing.T) {
	i, conf := node(t, strings.Replace(original, `"bridge"`, `"demo-cni"`, 1))
	must(t, i.install())
	must(t, i.undo())
	if entries(t, conf) != 1 {
		t.Error("an entry that was not ours was removed")
	}
}

func TestAnotherProgramOfTheNameIsLeftAlone(t *testing.T) {
	i, conf := node(t, original)
	must(t, os.MkdirAll(i.bin, 0o755))
	must(t, os.WriteFile(i.target(), []byte("theirs"), 0o755))
	if err := i.install(); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("error %v", err)
	}
	must(t, i.undo())
	if read(t, i.target()) != "theirs" || read(t, conf) != original {
		t.Error("what was there before was changed")
	}
}

func TestTheSameProgramThereBeforeStays(t *testing.T) {
	i, _ := node(t, original)
	must(t, os.MkdirAll(i.bin, 0o755))
	must(t, os.WriteFile(i.target(), []byte("program"), 0o755))
	must(t, i.install())
	must(t, i.undo())
	if !exists(i.target()) {
		t.Error("a program that was not ours was removed")
	}
}

func TestOurOwnOlderProgramIsReplaced(t *testing.T) {
	i, _ := node(t, original)
	must(t, i.install())
	must(t, os.WriteFile(i.plugin, []byte("newer"), 0o755))
	must(t, i.install())
	if read(t, i.target()) != "newer" {
		t.Error("the program was not replaced")
	}
}

func TestAnotherProcessUndoesWhatACrashLeft(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	again := &installer{plugin: i.plugin, bin: i.bin, conf: i.conf, log: io.Discard}
	must(t, again.undo())
	if read(t, conf) != original || exists(i.target()) {
		t.Error("not undone")
	}
}

func TestUndoOfAVanishedConfiguration(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	must(t, os.Remove(conf))
	must(t, i.undo())
	if exists(i.target()) || exists(conf) {
		t.Error("not undone")
	}
}

func TestUndoWithoutInstallation(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.undo())
	if read(t, conf) != original {
		t.Error("changed")
	}
}

func TestBrokenConfigurationsAreNotTouched(t *testing.T) {
	for _, text := range []string{"", "[]", "{", `{"plugins": 1}`, `{"name": "x"}`, "null"} {
		i, conf := node(t, original)
		must(t, os.WriteFile(conf, []byte(text), 0o600))
		if err := i.install(); err == nil {
			t.Errorf("%q: no error", text)
		}
		if read(t, conf) != text {
			t.Errorf("%q became %q", text, read(t, conf))
		}
	}
}

func TestKeepWaitsChainsAgainAndUndoes(t *testing.T) {
	i, conf := node(t, "")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- i.keep(ctx, 10*time.Millisecond) }()
	time.Sleep(50 * time.Millisecond)
	if exists(i.target()) {
		t.Error("installed without a configuration")
	}
	for range 2 { // the second time somebody has rewritten it
		must(t, replace(conf, []byte(original), 0o600))
		eventually(t, func() bool { return entries(t, conf) == 1 })
	}
	stop()
	must(t, <-ended)
	if read(t, conf) != original || exists(i.target()) {
		t.Error("not undone")
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never came about")
}
