package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	attempts = 20
	pause    = 10 * time.Millisecond
)

var errChanged = errors.New("it keeps changing")

// rewrite changes a file in one step and begins again if somebody else writes to it in between, or holds it
// open, which on Windows forbids the renaming. The result nil of change leaves the file alone.
func (i *installer) rewrite(path string, change func(now []byte) ([]byte, error)) error {
	var fault error
	for range attempts {
		now, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		wanted, err := change(now)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if wanted == nil {
			return nil
		}
		if fault = i.replaceIf(path, now, wanted); fault == nil {
			return nil
		}
		time.Sleep(pause)
	}
	return fmt.Errorf("%s is left alone: %w", path, fault)
}

// replaceIf replaces a file that holds these very bytes. No operating system offers this in one step, so
// the comparison is the last thing before the renaming.
func (i *installer) replaceIf(path string, now, wanted []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return replaceAfter(path, wanted, info.Mode().Perm(), func() error {
		if i.beforeRename != nil {
			i.beforeRename()
		}
		found, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(found, now) {
			err = errChanged
		}
		return err
	})
}

// replace writes a file so that a reader sees the old content or the new one, on every operating system.
func replace(path string, content []byte, mode fs.FileMode) error {
	return replaceAfter(path, content, mode, func() error { return nil })
}

// replaceAfter does so if check has no objection when all is ready.
func replaceAfter(path string, content []byte, mode fs.FileMode, check func() error) error {
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
		err = check()
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	return err
}

// missing lists the directories that path needs and that are not there, the innermost first.
func missing(path string) []string {
	var all []string
	for {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		all = append(all, path)
		parent := filepath.Dir(path)
		if parent == path {
			return all // a drive that does not exist: making it will fail and say so
		}
		path = parent
	}
}

// behind is the file that a link stands for: renaming onto the link itself would replace the link.
func behind(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, err
	}
	return filepath.EvalSymlinks(path)
}
