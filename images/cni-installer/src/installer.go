package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// installer puts one plugin on one node.
type installer struct {
	plugin string // the program to install
	bin    string // the node's directory of plugins
	conf   string // pattern of the configuration to chain into; the first match in order is used
	log    io.Writer
}

// state is what this installer did, written before it is done so that a crash leaves no doubt about what is
// ours. It lies beside the installed program.
type state struct {
	Chained string `json:"chained"` // the configuration that our entry was added to; empty: nothing added
	Program bool   `json:"program"` // the program is ours: it was not there before
}

func (i *installer) name() string { return strings.TrimSuffix(filepath.Base(i.plugin), ".exe") }

func (i *installer) target() string { return filepath.Join(i.bin, filepath.Base(i.plugin)) }

func (i *installer) statePath() string {
	return filepath.Join(i.bin, "."+i.name()+".installed.json")
}

// keep installs the plugin, puts it back whenever somebody rewrites the configuration, and undoes all of it
// when ctx ends. A node whose network is not configured yet is waited for.
func (i *installer) keep(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	said := ""
	for {
		err := i.install()
		if err != nil && !errors.Is(err, errNoConfiguration) {
			fmt.Fprintln(i.log, "error:", err)
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			fmt.Fprintln(i.log, "waiting:", said)
		}
		select {
		case <-ctx.Done():
			return i.undo()
		case <-ticker.C:
		}
	}
}

var errNoConfiguration = errors.New("the node's network is not configured yet")

// install does what is not done: it may be called again and again.
func (i *installer) install() error {
	path, err := i.configuration()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(i.bin, 0o755); err != nil {
		return err
	}
	if err := i.copyProgram(); err != nil {
		return err
	}
	return i.chain(path)
}

// undo takes away our entry and our program, and leaves alone what was there before or what others
// changed since.
func (i *installer) undo() error {
	done, err := i.load()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(i.log, "nothing to undo")
		return nil
	}
	if err != nil {
		return err
	}
	// The entry goes first: a configuration that names a missing program breaks every new pod.
	if done.Chained != "" {
		if err := i.unchain(done.Chained); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if done.Program {
		if err := os.Remove(i.target()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(i.statePath()); err != nil {
		return err
	}
	fmt.Fprintln(i.log, "uninstalled")
	return nil
}

// configuration is the file that the node's runtime reads: the first in order that matches.
func (i *installer) configuration() (string, error) {
	found, err := filepath.Glob(i.conf)
	if err != nil {
		return "", fmt.Errorf("conf %q: %w", i.conf, err)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w: nothing matches %s", errNoConfiguration, i.conf)
	}
	sort.Strings(found)
	return found[0], nil
}

// copyProgram puts the plugin's program in its place unless these very bytes are there.
func (i *installer) copyProgram() error {
	wanted, err := os.ReadFile(i.plugin)
	if err != nil {
		return err
	}
	found, err := os.ReadFile(i.target())
	switch {
	case err == nil && bytes.Equal(found, wanted):
		return nil
	case err == nil:
		if done, _ := i.load(); !done.Program {
			return fmt.Errorf("%s is there already and is another program: it is left alone", i.target())
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if err := i.update(func(done *state) { done.Program = true }); err != nil {
			return err
		}
	}
	if err := replace(i.target(), wanted, 0o755); err != nil {
		return err
	}
	fmt.Fprintln(i.log, "installed", i.target())
	return nil
}

// chain adds our entry to the end of the configuration's plugins unless it is there.
func (i *installer) chain(path string) error {
	list, err := readList(path)
	if err != nil {
		return err
	}
	if list.has(i.name()) {
		return nil
	}
	if err := i.update(func(done *state) { done.Chained = path }); err != nil {
		return err
	}
	if err := list.add(map[string]string{"type": i.name()}); err != nil {
		return err
	}
	if err := list.write(path); err != nil {
		return err
	}
	fmt.Fprintln(i.log, "chained into", path)
	return nil
}

// unchain removes our entry from the configuration as it is now.
func (i *installer) unchain(path string) error {
	list, err := readList(path)
	if err != nil {
		return err
	}
	if !list.remove(i.name()) {
		return nil
	}
	return list.write(path)
}

func (i *installer) load() (state, error) {
	var done state
	raw, err := os.ReadFile(i.statePath())
	if err == nil {
		err = json.Unmarshal(raw, &done)
	}
	return done, err
}

// update changes the state on disk before the change that it speaks of is made.
func (i *installer) update(change func(*state)) error {
	done, err := i.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	change(&done)
	raw, err := json.Marshal(done)
	if err != nil {
		return err
	}
	return replace(i.statePath(), raw, 0o644)
}

// replace writes a file so that a reader sees the old content or the new one, on every operating system.
func replace(path string, content []byte, mode fs.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(temporary.Name(), mode)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	return err
}
