package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		command, in, out, fault string
	}{
		{"VERSION", "", "supportedVersions", ""},
		{"ADD", `{"prevResult":{"ips":[]}}`, `{"ips":[]}`, ""},
		{"ADD", `{}`, "", "chained behind another one"},
		{"ADD", `nonsense`, "", "not JSON"},
		{"DEL", "", "", ""},
		{"CHECK", "", "", ""},
		{"", "", "", "unknown CNI_COMMAND"},
	} {
		var out bytes.Buffer
		err := run(c.command, strings.NewReader(c.in), &out)
		if !strings.Contains(out.String(), c.out) || (c.fault == "") != (err == nil) {
			t.Errorf("%s %s: %q, %v", c.command, c.in, &out, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s %s: %v", c.command, c.in, err)
		}
	}
}
