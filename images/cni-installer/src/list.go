package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// list is a network configuration list. Everything but the plugins is kept as it was written: keys in
// their order, numbers in their form, fields that nobody here knows.
type list struct {
	keys    []string
	fields  map[string]json.RawMessage
	plugins []json.RawMessage
	mode    os.FileMode
}

// readList reads a configuration; it must be an object with a list of plugins.
func readList(path string) (*list, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	l := &list{fields: map[string]json.RawMessage{}, mode: info.Mode().Perm()}
	if err := l.parse(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func (l *list) parse(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("not a JSON object")
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if _, twice := l.fields[key]; !twice {
			l.keys = append(l.keys, key)
		}
		l.fields[key] = value
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	if err := json.Unmarshal(l.fields["plugins"], &l.plugins); err != nil {
		return fmt.Errorf("it has no list of plugins")
	}
	return nil
}

// typeOf is a plugin's type, empty where it has none.
func typeOf(plugin json.RawMessage) string {
	var known struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(plugin, &known) != nil {
		return ""
	}
	return known.Type
}

func (l *list) has(name string) bool {
	return slices.ContainsFunc(l.plugins, func(p json.RawMessage) bool { return typeOf(p) == name })
}

func (l *list) add(plugin any) error {
	raw, err := json.Marshal(plugin)
	if err == nil {
		l.plugins = append(l.plugins, raw)
	}
	return err
}

// remove takes out the plugin of this type and reports whether it was there.
func (l *list) remove(name string) bool {
	before := len(l.plugins)
	l.plugins = slices.DeleteFunc(l.plugins, func(p json.RawMessage) bool { return typeOf(p) == name })
	return len(l.plugins) != before
}

// write replaces the file in one step.
func (l *list) write(path string) error {
	plugins, err := json.Marshal(l.plugins)
	if err != nil {
		return err
	}
	l.fields["plugins"] = plugins
	var joined bytes.Buffer
	joined.WriteByte('{')
	for n, key := range l.keys {
		if n > 0 {
			joined.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		joined.Write(name)
		joined.WriteByte(':')
		joined.Write(l.fields[key])
	}
	joined.WriteByte('}')
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, joined.Bytes(), "", "  "); err != nil {
		return err
	}
	pretty.WriteByte('\n')
	return replace(path, pretty.Bytes(), l.mode)
}
