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

	beforeRename func() // a test's chance to write at the worst moment
}

func (i *installer) name() string { return strings.TrimSuffix(filepath.Base(i.plugin), ".exe") }

func (i *installer) target() string { return filepath.Join(i.bin, filepath.Base(i.plugin)) }

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
	if err := i.makeDirectory(); err != nil {
		return err
	}
	if err := i.copyProgram(); err != nil {
		return err
	}
	return i.chain(path)
}

// makeDirectory makes the directory of plugins and remembers what of it was not there.
func (i *installer) makeDirectory() error {
	made := missing(i.bin)
	if len(made) == 0 {
		return nil
	}
	// The state lies in this directory, so this is the one thing that is noted after it is done.
	if err := os.MkdirAll(i.bin, 0o755); err != nil {
		return err
	}
	return i.update(func(done *state) { done.Directories = made })
}

// undo takes away our entries, our program and our directories, and leaves alone what was there before or
// what others changed since.
func (i *installer) undo() error {
	done, err := i.load()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(i.log, "nothing to undo")
		return nil
	}
	if err != nil {
		return err
	}
	// The entries go first: a configuration that names a missing program breaks every new pod.
	var left []chained
	var faults []error
	for _, c := range done.Chained {
		if err := i.unchain(c); err != nil {
			left = append(left, c)
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		done.Chained = left
		return errors.Join(append(faults, i.save(done))...)
	}
	if err := i.removeProgram(done); err != nil {
		return err
	}
	if err := os.Remove(i.statePath()); err != nil {
		return err
	}
	for _, directory := range done.Directories {
		if os.Remove(directory) != nil {
			break // somebody else has put something there: it is theirs now
		}
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
	return behind(found[0])
}

// copyProgram puts the plugin's program in its place unless these very bytes are there.
func (i *installer) copyProgram() error {
	wanted, err := os.ReadFile(i.plugin)
	if err != nil {
		return err
	}
	found, err := os.ReadFile(i.target())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && bytes.Equal(found, wanted) {
		return nil
	}
	if err == nil {
		if done, _ := i.load(); !done.wrote(found) {
			return fmt.Errorf("%s is there already and is another program: it is left alone", i.target())
		}
	}
	err = i.update(func(done *state) {
		if !done.wrote(wanted) {
			done.Programs = append(done.Programs, digest(wanted))
		}
	})
	if err != nil {
		return err
	}
	if err := replace(i.target(), wanted, 0o755); err != nil {
		return err
	}
	fmt.Fprintln(i.log, "installed", i.target())
	return nil
}

// removeProgram removes the program if it is one that we wrote.
func (i *installer) removeProgram(done state) error {
	found, err := os.ReadFile(i.target())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !done.wrote(found) {
		fmt.Fprintln(i.log, i.target(), "is not the program that was installed: it is left alone")
		return nil
	}
	return os.Remove(i.target())
}

// chain adds our entry to the end of the configuration's plugins unless the plugin is there.
func (i *installer) chain(path string) error {
	entry, err := json.Marshal(map[string]string{"type": i.name()})
	if err != nil {
		return err
	}
	added := false
	err = i.rewrite(path, func(now []byte) ([]byte, error) {
		list, err := parse(now)
		if err != nil || list.has(i.name()) {
			return nil, err
		}
		added = true
		wanted := list.with(entry)
		return wanted, i.update(func(done *state) { done.add(chained{path, entry, now, wanted}) })
	})
	if err == nil && added {
		fmt.Fprintln(i.log, "chained into", path)
	}
	return err
}

// unchain gives a file that is still as we wrote it its former bytes back. From one that was written since
// it takes the entry that says what ours said, and nothing else.
func (i *installer) unchain(c chained) error {
	err := i.rewrite(c.Path, func(now []byte) ([]byte, error) {
		switch {
		case bytes.Equal(now, c.After):
			return c.Before, nil
		case bytes.Equal(now, c.Before):
			return nil, nil // a crash came before the entry, or somebody restored the file
		}
		list, err := parse(now)
		if err != nil {
			return nil, err
		}
		if n := list.find(c.Entry); n >= 0 {
			return list.without(n), nil
		}
		if list.has(i.name()) {
			fmt.Fprintf(i.log, "%s names %s in an entry that is not ours: it is left alone\n", c.Path, i.name())
		}
		return nil, nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
