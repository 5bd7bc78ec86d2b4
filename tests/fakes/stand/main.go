// Command stand keeps a lifecycle contract, or breaks it as its flags say.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", ":8080", "listen here")
	answer := flag.String("answer", "{}", "what /who answers")
	never := flag.Bool("never-ready", false, "answer 503 to /ready")
	ignore := flag.Bool("ignore", false, "go on when told to stop")
	only := flag.Bool("only-interrupt", false, "handle Ctrl-C and nothing else")
	lose := flag.Bool("lose", false, "drop requests in flight when told to stop")
	code := flag.Int("exit", 0, "end with this code")
	die := flag.Int("die", -1, "end with this code at once")
	flag.Parse()
	fmt.Println("begun")
	if *die >= 0 {
		os.Exit(*die)
	}
	http.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if *never {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/who", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, *answer) })
	http.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt)
	if !*only {
		signal.Notify(stop, syscall.SIGTERM)
	}
	server := &http.Server{}
	go server.Serve(listener)
	for range stop {
		fmt.Println("asked to stop")
		if !*ignore {
			break
		}
	}
	if !*lose {
		server.Shutdown(context.Background())
	}
	os.Exit(*code)
}
