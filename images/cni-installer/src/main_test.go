package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// beInstaller makes the test binary be the installer itself.
const beInstaller = "BUILDTOOLS_TEST_BE_INSTALLER"

func TestMain(m *testing.M) {
	if os.Getenv(beInstaller) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	i, conf := node(t, original)
	common := []string{"-plugin", i.plugin, "-bin-dir", i.bin, "-conf", i.conf}
	for _, c := range []struct {
		args    []string
		want    int
		entries int
	}{
		{append(common, "-once"), 0, 1},
		{append(common, "-undo"), 0, 0},
		{append(common, "-once", "-provider", "nowhere"), 2, 0},
		{[]string{"-nonsense"}, 2, 0},
		{[]string{"-h"}, 0, 0},
		{[]string{"-once", "-plugin", i.plugin, "-bin-dir", i.bin, "-conf", "[", "-provider", "linux"}, 1, 0},
	} {
		var out bytes.Buffer
		if got := run(context.Background(), c.args, &out); got != c.want {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, got, c.want, &out)
		}
		if got := entries(t, conf); got != c.entries {
			t.Errorf("%v: %d entries", c.args, got)
		}
	}
}

func TestOwnPathInAHostProcessContainer(t *testing.T) {
	t.Setenv("CONTAINER_SANDBOX_MOUNT_POINT", filepath.Join("mounted", "here"))
	if got, want := ownPath("plugin"), filepath.Join("mounted", "here", "plugin"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A HostProcess image lies anywhere on the node, so the plugin is looked for beside the running program:
// whatever the working directory, the program's name and the environment are.
func TestPluginBesideTheProgram(t *testing.T) {
	i, conf := node(t, original)
	exe := ""
	if runtime.GOOS == "windows" {
		exe = ".exe"
	}
	self, err := os.Executable()
	must(t, err)
	image := filepath.Dir(i.plugin)
	program := filepath.Join(image, "installer-1.2"+exe)
	must(t, os.WriteFile(program, []byte(read(t, self)), 0o755))
	must(t, os.WriteFile(filepath.Join(image, "demo-cni"+exe), []byte("beside"), 0o755))

	command := exec.Command(program, "-once", "-bin-dir", i.bin, "-conf", i.conf)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), beInstaller+"=1", "CONTAINER_SANDBOX_MOUNT_POINT="+command.Dir)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if entries(t, conf) != 1 || read(t, filepath.Join(i.bin, "demo-cni"+exe)) != "beside" {
		t.Error("not installed")
	}
}

// K2s has no fixed directories, so there is nothing that could be waited for.
func TestAProviderWithoutDirectories(t *testing.T) {
	t.Setenv("CNI_BIN_DIR", "")
	t.Setenv("CNI_CONF", "")
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	for _, c := range []struct {
		args []string
		want int
		says []string
	}{
		{nil, 2, []string{"k2s", "-bin-dir", "CNI_BIN_DIR", "-conf", "CNI_CONF"}},
		{[]string{"-once"}, 2, []string{"-bin-dir", "-conf"}},
		{[]string{"-undo"}, 2, []string{"-bin-dir"}},
		{[]string{"-once", "-bin-dir", t.TempDir()}, 2, []string{"-conf"}},
		{[]string{"-undo", "-bin-dir", t.TempDir()}, 0, []string{"nothing to undo"}}, // the state says where
	} {
		var out bytes.Buffer
		if got := run(ctx, append(c.args, "-provider", "k2s"), &out); got != c.want {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, got, c.want, &out)
		}
		for _, word := range c.says {
			if !strings.Contains(out.String(), word) {
				t.Errorf("%v: %q does not name %s", c.args, &out, word)
			}
		}
	}
	if ctx.Err() != nil {
		t.Error("it waited")
	}
}
