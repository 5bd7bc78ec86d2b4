package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
)

// list is a network configuration list: its bytes, and where its plugins stand in them. It is edited by
// cutting and inserting bytes, so all that others wrote stays as they wrote it.
type list struct {
	raw     []byte
	open    int // just after the bracket that opens the plugins
	plugins []span
}

type span struct{ from, to int }

var errNoPlugins = errors.New("it has no list of plugins")

// parse finds the plugins; of several keys of that name the last one counts, as it does for readers.
func parse(raw []byte) (*list, error) {
	if !json.Valid(raw) {
		return nil, errors.New("it is not JSON")
	}
	l := &list{raw: raw, open: -1}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err == nil && key == "plugins" {
			err = l.scan(decoder)
		} else if err == nil {
			err = decoder.Decode(new(json.RawMessage))
		}
		if err != nil {
			return nil, err
		}
	}
	if l.open < 0 {
		return nil, errNoPlugins
	}
	return l, nil
}

// scan reads one list of plugins.
func (l *list) scan(decoder *json.Decoder) error {
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return errNoPlugins
	}
	l.open, l.plugins = int(decoder.InputOffset()), nil
	for decoder.More() {
		var plugin json.RawMessage
		if err := decoder.Decode(&plugin); err != nil {
			return err
		}
		to := int(decoder.InputOffset())
		l.plugins = append(l.plugins, span{to - len(plugin), to})
	}
	_, err := decoder.Token()
	return err
}

func (l *list) text(plugin span) []byte { return l.raw[plugin.from:plugin.to] }

// has reports whether a plugin of this type is there, whoever wrote it.
func (l *list) has(name string) bool {
	return slices.ContainsFunc(l.plugins, func(plugin span) bool {
		var known struct {
			Type string `json:"type"`
		}
		return json.Unmarshal(l.text(plugin), &known) == nil && known.Type == name
	})
}

// find is the place of the last plugin that says the same as entry, -1 if there is none. Spaces and the
// order of keys do not matter: an agent may have formatted the file anew.
func (l *list) find(entry []byte) int {
	for n, plugin := range slices.Backward(l.plugins) {
		if same(l.text(plugin), entry) {
			return n
		}
	}
	return -1
}

func same(first, second []byte) bool {
	var a, b any
	return json.Unmarshal(first, &a) == nil && json.Unmarshal(second, &b) == nil && reflect.DeepEqual(a, b)
}

// with is the list with entry at the end, set apart as the plugin before it is.
func (l *list) with(entry []byte) []byte {
	at := l.open
	if n := len(l.plugins); n > 0 {
		last := l.plugins[n-1]
		gap := l.raw[len(bytes.TrimRight(l.raw[:last.from], " \t\r\n")):last.from]
		at, entry = last.to, slices.Concat([]byte(","), gap, entry)
	}
	return slices.Concat(l.raw[:at], entry, l.raw[at:])
}

// without is the list without its plugin number n and the comma that goes with it.
func (l *list) without(n int) []byte {
	cut := l.plugins[n]
	switch {
	case n > 0:
		cut.from = l.plugins[n-1].to
	case len(l.plugins) > 1:
		cut.to = l.plugins[1].from
	}
	return slices.Concat(l.raw[:cut.from], l.raw[cut.to:])
}
