package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an agent may write: tabs, one line, no newline at the end, Windows line ends, no plugin yet.
func TestUndoRestoresEveryByte(t *testing.T) {
	for _, text := range []string{
		"{\"plugins\":[{\"type\":\"bridge\"}]}",
		"{\n\t\"plugins\": [ {\"type\" : \"bridge\"} ],\n\t\"name\": \"a\\u00e9\"}",
		"{\r\n  \"plugins\": [\r\n    {\"type\": \"bridge\"}\r\n  ]\r\n}\r\n",
		"{\"plugins\": [ ]}\n\n",
	} {
		i, conf := node(t, text)
		must(t, i.install())
		if entries(t, conf) != 1 {
			t.Errorf("not chained: %q", read(t, conf))
		}
		if list, err := parse([]byte(read(t, conf))); err != nil || list.find([]byte(`{"type": "demo-cni"}`)) < 0 {
			t.Errorf("%q: %v", read(t, conf), err)
		}
		must(t, i.undo())
		if got := read(t, conf); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// The network's owner changes: the runtime reads the first file, and the former one keeps our entry.
func TestUndoOfTwoConfigurations(t *testing.T) {
	i, second := node(t, original)
	must(t, i.install())
	first := filepath.Join(filepath.Dir(second), "05-cilium.conflist")
	rewritten(t, first, `{"plugins": [{"type": "cilium-cni"}]}`)
	must(t, i.install())
	if entries(t, first) != 1 || entries(t, second) != 1 {
		t.Fatal("not chained into both")
	}
	must(t, i.undo())
	if read(t, second) != original || read(t, first) != `{"plugins": [{"type": "cilium-cni"}]}` {
		t.Errorf("%s and %s", read(t, first), read(t, second))
	}
}

func TestUndoLeavesTheEntryOfAnother(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	theirs := `{"plugins": [{"type": "bridge"}, {"type":"demo-cni","x":1}]}`
	rewritten(t, conf, theirs)
	must(t, i.undo())
	if got := read(t, conf); got != theirs {
		t.Errorf("the configuration became %s", got)
	}
}

func TestUndoOfOneEntryLeavesTheRestAsWritten(t *testing.T) {
	for _, c := range []struct{ now, want string }{
		{`{"plugins":[{"type":"a"}, {"type" : "demo-cni"},{"type":"demo-cni","x":1} ]}`, `{"plugins":[{"type":"a"},{"type":"demo-cni","x":1} ]}`},
		{`{"plugins":[ {"type":"demo-cni"}, {"type":"a"}], "n": 1.0}`, `{"plugins":[ {"type":"a"}], "n": 1.0}`},
		{`{"plugins":[ {"type":"demo-cni"} ]}`, `{"plugins":[  ]}`},
	} {
		i, conf := node(t, original)
		must(t, i.install())
		rewritten(t, conf, c.now)
		must(t, i.undo())
		if got := read(t, conf); got != c.want {
			t.Errorf("%s became %s", c.now, got)
		}
	}
}

// A crash after the state was written, before the configuration was: nothing in it is ours.
func TestUndoOfAnEntryThatWasNeverWritten(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	rewritten(t, conf, original)
	must(t, i.undo())
	if read(t, conf) != original || exists(i.bin) {
		t.Error("not undone")
	}
}

func TestUndoLeavesAProgramThatSomebodyReplaced(t *testing.T) {
	i, conf := node(t, original)
	must(t, i.install())
	must(t, os.WriteFile(i.target(), []byte("theirs"), 0o755))
	must(t, i.undo())
	if read(t, i.target()) != "theirs" || read(t, conf) != original || exists(i.statePath()) {
		t.Error("not undone, or undone too much")
	}
}

func TestUndoRemovesAnUpdatedProgram(t *testing.T) {
	i, _ := node(t, original)
	must(t, i.install())
	must(t, os.WriteFile(i.plugin, []byte("newer"), 0o755))
	must(t, i.install())
	must(t, i.undo())
	if exists(i.target()) {
		t.Error("our program stays")
	}
}

func TestUndoRemovesOnlyDirectoriesThatItMadeAndThatAreEmpty(t *testing.T) {
	i, _ := node(t, original)
	root := i.bin
	i.bin = filepath.Join(root, "cni", "bin")
	must(t, os.Mkdir(root, 0o755))
	must(t, i.install())
	must(t, i.undo())
	if exists(filepath.Join(root, "cni")) || !exists(root) {
		t.Error("the wrong directories are left")
	}
	must(t, i.install())
	must(t, os.WriteFile(filepath.Join(root, "cni", "other"), nil, 0o644))
	must(t, i.undo())
	if exists(i.bin) || !exists(filepath.Join(root, "cni", "other")) {
		t.Error("the wrong directories are left")
	}
}

// The agent writes between our reading and our renaming, once or for ever.
func TestAWriteOfTheAgentIsNotLost(t *testing.T) {
	changed := strings.Replace(original, "1500", "9000", 1)
	i, conf := node(t, original)
	once := func(content string) func() {
		return func() {
			i.beforeRename = nil
			rewritten(t, conf, content)
		}
	}
	i.beforeRename = once(changed)
	must(t, i.install())
	if entries(t, conf) != 1 || !strings.Contains(read(t, conf), "9000") {
		t.Errorf("after the installation: %s", read(t, conf))
	}
	chained := read(t, conf)
	i.beforeRename = once(strings.Replace(chained, "9000", "1280", 1))
	must(t, i.undo())
	if got := read(t, conf); got != strings.Replace(original, "1500", "1280", 1) {
		t.Errorf("after undoing: %s", got)
	}
}

func TestAnAgentThatNeverStopsWriting(t *testing.T) {
	i, conf := node(t, original)
	n := ""
	i.beforeRename = func() {
		n += " "
		rewritten(t, conf, original+n)
	}
	if err := i.install(); err == nil || !strings.Contains(err.Error(), "keeps changing") {
		t.Errorf("error %v", err)
	}
	if entries(t, conf) != 0 {
		t.Error("chained")
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(conf), ".tmp-*"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What cannot be undone now is kept in mind, and the program stays for as long as a configuration names it.
func TestAnUndoThatFailsCanBeRepeated(t *testing.T) {
	i, second := node(t, original)
	must(t, i.install())
	first := filepath.Join(filepath.Dir(second), "05.conflist")
	rewritten(t, first, original)
	must(t, i.install())
	chained := read(t, second)
	rewritten(t, second, chained[:40])
	if i.undo() == nil {
		t.Fatal("no error")
	}
	if read(t, first) != original || !exists(i.target()) {
		t.Error("the other configuration is not undone, or the program is gone")
	}
	rewritten(t, second, chained)
	must(t, i.undo())
	if read(t, second) != original || exists(i.bin) {
		t.Error("not undone")
	}
}

func TestALinkedConfigurationStaysALink(t *testing.T) {
	i, conf := node(t, "")
	kept := filepath.Join(t.TempDir(), "real")
	rewritten(t, kept, original)
	if err := os.Symlink(kept, conf); err != nil {
		t.Skip(err)
	}
	must(t, i.install())
	if info, _ := os.Lstat(conf); info.Mode()&os.ModeSymlink == 0 || entries(t, kept) != 1 {
		t.Error("the link was replaced")
	}
	must(t, i.undo())
	if read(t, kept) != original {
		t.Error("not undone")
	}
}

// The state of an earlier version says too little to undo by it.
func TestAFormerStateIsIgnored(t *testing.T) {
	i, conf := node(t, original)
	must(t, os.Mkdir(i.bin, 0o755))
	rewritten(t, filepath.Join(i.bin, ".demo-cni.installed.json"), `{"chained":"x","program":true}`)
	must(t, i.install())
	must(t, i.undo())
	if read(t, conf) != original || exists(i.target()) {
		t.Error("not undone")
	}
}
