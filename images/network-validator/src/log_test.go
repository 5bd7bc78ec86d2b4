package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// attempt runs the validator against itself, which is "redirected", or against nobody.
func attempt(t *testing.T, redirected bool, extra ...string) (int, string) {
	t.Helper()
	listen := free(t)
	connect := free(t)
	if redirected {
		connect = listen
	}
	var out bytes.Buffer
	args := append([]string{"--listen-addr", listen, "--connect-addr", connect, "--timeout", "1s"}, extra...)
	return run(context.Background(), args, &out, &out), out.String()
}

func TestLinkerdsFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		good int
	}{
		{[]string{"--log-level", "debug", "--log-format", "plain"}, 0},
		{[]string{"--log-level", "INFO", "--log-format", "JSON"}, 0},
		{[]string{"--log-level=off"}, 0},
		{[]string{"--log-level=trace"}, 0},
		{[]string{"--log-level=warn,linkerd=info"}, 0}, // what the proxy's own variable holds by default
		{[]string{"--log-level=network_validator=debug"}, 0},
		{[]string{"--log-level="}, 0},
		{[]string{"--log-format="}, 0},
		{[]string{"--log-level=loud"}, 2},
		{[]string{"--log-level=info,linkerd=loud"}, 2},
		{[]string{"--log-format=xml"}, 2},
	} {
		for _, redirected := range []bool{true, false} {
			want := c.good
			if want == 0 && !redirected {
				want = unredirected
			}
			if got, out := attempt(t, redirected, c.args...); got != want {
				t.Errorf("%v: exit code %d, want %d: %s", c.args, got, want, out)
			}
		}
	}
}

func TestJSONLines(t *testing.T) {
	for _, redirected := range []bool{true, false} {
		_, out := attempt(t, redirected, "--log-format", "json", "--log-level", "debug")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) < 3 {
			t.Errorf("only %q", out)
		}
		for _, line := range lines {
			var said struct{ Time, Level, Msg string }
			if err := json.Unmarshal([]byte(line), &said); err != nil || said.Time == "" || said.Level == "" || said.Msg == "" {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}

func TestLevelsFilter(t *testing.T) {
	for _, c := range []struct {
		level                 string
		debug, success, fault bool
	}{
		{"", false, true, true},
		{"trace", true, true, true},
		{"debug", true, true, true},
		{"info", false, true, true},
		{"warn", false, false, true},
		{"error", false, false, true},
		{"off", false, false, false},
		{"other=debug", false, false, true}, // as in Rust: what no directive speaks of logs errors
		{"warn,other=debug", false, false, true},
		{"warn,linkerd_network_validator=debug", true, true, true},
	} {
		_, good := attempt(t, true, "--log-level", c.level)
		_, bad := attempt(t, false, "--log-level", c.level)
		got := []bool{
			strings.Contains(good, "listening"),
			strings.Contains(good, "is redirected"),
			strings.Contains(bad, "is not redirected"),
		}
		if got[0] != c.debug || got[1] != c.success || got[2] != c.fault {
			t.Errorf("%q: %v, said %q and %q", c.level, got, good, bad)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Setenv("LINKERD_NETWORK_VALIDATOR_LOG_LEVEL", "debug")
	t.Setenv("LINKERD_NETWORK_VALIDATOR_LOG_FORMAT", "json")
	if code, out := attempt(t, true); code != 0 || !strings.HasPrefix(out, "{") || !strings.Contains(out, "listening") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, out := attempt(t, true, "--log-format", "plain", "--log-level", "warn"); out != "" {
		t.Errorf("the flags do not win: %s", out)
	}
	t.Setenv("LINKERD_NETWORK_VALIDATOR_LOG_FORMAT", "xml")
	if got := run(context.Background(), nil, io.Discard, io.Discard); got != 2 {
		t.Errorf("exit code %d", got)
	}
}
