package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// state is what this installer did, written before it is done so that a crash leaves no doubt about what is
// ours. It lies beside the installed program.
type state struct {
	Chained     []chained `json:"chained"`
	Programs    []string  `json:"programs"`    // sha256 of every program that we wrote
	Directories []string  `json:"directories"` // those that we made, the innermost first
}

// chained is one configuration that our entry was added to.
type chained struct {
	Path   string          `json:"path"`
	Entry  json.RawMessage `json:"entry"`
	Before []byte          `json:"before"` // the whole file
	After  []byte          `json:"after"`
}

func (s *state) wrote(program []byte) bool { return slices.Contains(s.Programs, digest(program)) }

// add notes an entry. An earlier one in the same file is forgotten: the file was rewritten without it.
func (s *state) add(c chained) {
	s.Chained = slices.DeleteFunc(s.Chained, func(old chained) bool { return old.Path == c.Path })
	s.Chained = append(s.Chained, c)
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// statePath is not the name that earlier versions used: their states say too little to undo by them.
func (i *installer) statePath() string {
	return filepath.Join(i.bin, "."+i.name()+".undo.json")
}

func (i *installer) load() (state, error) {
	var done state
	raw, err := os.ReadFile(i.statePath())
	if err == nil {
		err = json.Unmarshal(raw, &done)
	}
	return done, err
}

func (i *installer) save(done state) error {
	raw, err := json.Marshal(done)
	if err != nil {
		return err
	}
	return replace(i.statePath(), raw, 0o644)
}

// update changes the state on disk before the change that it speaks of is made.
func (i *installer) update(change func(*state)) error {
	done, err := i.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	change(&done)
	return i.save(done)
}
