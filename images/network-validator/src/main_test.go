package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// free is a loopback address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// other listens and answers every connection with text, or with nothing at all if text is empty.
func other(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			if text != "" {
				io.WriteString(connection, text)
				connection.Close()
			}
		}
	}()
	return listener.Addr().String()
}

func TestRun(t *testing.T) {
	own := free(t)
	for _, c := range []struct {
		name            string
		listen, connect string
		want            int
		says            string
	}{
		// A connection to the listener itself is what a redirect makes of any other.
		{"redirected", own, own, 0, "is redirected to"},
		{"refused", free(t), free(t), unredirected, "is not redirected"},
		{"answered by another", free(t), other(t, "hello"), unredirected, "somebody else answered with 5 bytes"},
		{"answered with more", free(t), other(t, strings.Repeat("x", 1000)), unredirected, "somebody else"},
		{"never answered", free(t), other(t, ""), unredirected, "no token came in time"},
		{"port taken", other(t, "x"), free(t), unredirected, "is not redirected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			args := []string{"-listen-addr", c.listen, "-connect-addr", c.connect, "-timeout", "300ms"}
			if got := run(context.Background(), args, &out, &out); got != c.want {
				t.Errorf("exit code %d, want %d: %s", got, c.want, &out)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("said %q, want %q", &out, c.says)
			}
		})
	}
}

func TestAStopSignalEndsTheWait(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, stop)
	code := make(chan int, 1)
	args := []string{"-listen-addr", free(t), "-connect-addr", other(t, ""), "-timeout", "1m"}
	go func() { code <- run(ctx, args, io.Discard, io.Discard) }()
	select {
	case got := <-code:
		if got != unredirected {
			t.Errorf("exit code %d", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("still waiting")
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{{[]string{"-h"}, 0}, {[]string{"-nonsense"}, 2}} {
		if got := run(context.Background(), c.args, io.Discard, io.Discard); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

func TestTokensDiffer(t *testing.T) {
	first, _ := newToken()
	second, _ := newToken()
	if len(first) != 2*tokenBytes || first == second {
		t.Errorf("%q, %q", first, second)
	}
}
