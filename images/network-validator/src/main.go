// Command network-validator proves that this pod's outgoing traffic is redirected to a local port, as a
// service mesh arranges it. It listens on that port, connects to an address where nobody answers, and
// expects its own token back. It ends with 0 if the token came, with 95 if it did not.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// unredirected is the exit code that tells "traffic is not redirected" from other failures.
const unredirected = 95

const tokenBytes = 32

// The variables of Linkerd's own validator, so that this one can stand in for it. A flag wins.
const (
	levelVariable  = "LINKERD_NETWORK_VALIDATOR_LOG_LEVEL"
	formatVariable = "LINKERD_NETWORK_VALIDATOR_LOG_FORMAT"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its world handed in; it returns the exit code. The end of ctx is a stop signal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("network-validator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen-addr", "0.0.0.0:4140", "the address that traffic should be redirected to")
	connect := flags.String("connect-addr", "192.0.2.2:1404", "an address where nobody answers")
	timeout := flags.Duration("timeout", 10*time.Second, "how long to wait for the token")
	level := flags.String("log-level", os.Getenv(levelVariable), "as in warn,linkerd=info (default info)")
	format := flags.String("log-format", os.Getenv(formatVariable), "plain or json (default plain)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	log, faults, err := newLogs(cmp.Or(*level, "info"), cmp.Or(*format, "plain"), stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if err := validate(ctx, log, *listen, *connect); err != nil {
		faults.Error(fmt.Sprintf("traffic to %s is not redirected to %s: %v", *connect, *listen, err))
		return unredirected
	}
	log.Info(fmt.Sprintf("traffic to %s is redirected to %s", *connect, *listen))
	return 0
}

// validate reports why a connection to connect does not arrive at listen, nil if it does.
func validate(ctx context.Context, log *slog.Logger, listen, connect string) error {
	token, err := newToken()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	log.Debug("listening", "address", listener.Addr().String())
	go hand(listener, token)

	log.Debug("connecting", "address", connect)
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", connect)
	if err != nil {
		return err
	}
	defer connection.Close()
	// A stop signal must end the wait for the token, too.
	defer context.AfterFunc(ctx, func() { connection.Close() })()
	got, err := io.ReadAll(io.LimitReader(connection, int64(len(token))+1))
	if ctx.Err() != nil {
		return fmt.Errorf("no token came in time: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if string(got) != token {
		return fmt.Errorf("somebody else answered with %d bytes", len(got))
	}
	return nil
}

func newToken() (string, error) {
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return hex.EncodeToString(raw), nil
}

// hand gives the token to everyone who connects, until the listener is closed.
func hand(listener net.Listener, token string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			connection.SetDeadline(time.Now().Add(5 * time.Second))
			io.WriteString(connection, token)
		}()
	}
}
