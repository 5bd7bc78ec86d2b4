package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs a server on a free port; it returns its URL, the channel of signals and the exit code to come.
func start(t *testing.T, drain time.Duration) (string, chan os.Signal, <-chan int, *bytes.Buffer) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, code, log := make(chan os.Signal, 2), make(chan int, 1), &bytes.Buffer{}
	go func() { code <- serve(listener, stop, drain, log) }()
	return "http://" + listener.Addr().String(), stop, code, log
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(body))
}

func TestWhoAmI(t *testing.T) {
	url, stop, code, _ := start(t, time.Second)
	status, body := get(t, url+"/who-am-i")
	var got answer
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatalf("status %d, body %q: %v", status, body, err)
	}
	if got.OS != runtime.GOOS || got.Architecture != runtime.GOARCH || got.Version != version {
		t.Errorf("got %+v", got)
	}
	if got.OSVersion == "" || got.Hostname == "" || got.PID != os.Getpid() {
		t.Errorf("got %+v", got)
	}
	stop <- syscall.SIGTERM
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}

func TestDrainsRequestsInFlight(t *testing.T) {
	url, stop, code, log := start(t, 5*time.Second)
	done := make(chan string, 1)
	go func() {
		_, body := get(t, url+"/slow?for=500ms")
		done <- body
	}()
	time.Sleep(100 * time.Millisecond)
	stop <- os.Interrupt
	if got := <-done; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	if !strings.Contains(log.String(), "drained") {
		t.Errorf("log %q", log)
	}
}

func TestEndsWithAFaultWhenDrainingTakesTooLong(t *testing.T) {
	url, stop, code, _ := start(t, 50*time.Millisecond)
	go http.Get(url + "/slow?for=5s")
	time.Sleep(100 * time.Millisecond)
	stop <- syscall.SIGTERM
	if got := <-code; got != 1 {
		t.Errorf("exit code %d", got)
	}
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	url, stop, code, _ := start(t, time.Minute)
	go http.Get(url + "/slow?for=20s")
	time.Sleep(100 * time.Millisecond)
	stop <- syscall.SIGTERM
	stop <- syscall.SIGTERM
	select {
	case got := <-code:
		if got != 1 {
			t.Errorf("exit code %d", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("still draining")
	}
}

func TestReadySaysNoWhileDraining(t *testing.T) {
	h := newHandler()
	for _, draining := range []bool{false, true} {
		h.draining.Store(draining)
		w := recorder{header: http.Header{}}
		h.ready(&w, nil)
		if want := map[bool]int{false: 200, true: 503}[draining]; w.status() != want {
			t.Errorf("draining %v: status %d", draining, w.status())
		}
	}
}

// recorder is the least of a ResponseWriter that the test needs.
type recorder struct {
	header http.Header
	code   int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) status() int                 { return max(r.code, 200) }

func TestSlowIsBounded(t *testing.T) {
	url, stop, code, _ := start(t, time.Second)
	for _, query := range []string{"", "?for=1h", "?for=-1s", "?for=soon"} {
		if status, _ := get(t, url+"/slow"+query); status != 400 {
			t.Errorf("%q: status %d", query, status)
		}
	}
	stop <- syscall.SIGTERM
	<-code
}

func TestRunArguments(t *testing.T) {
	url, stop, code, _ := start(t, time.Second)
	defer func() { stop <- syscall.SIGTERM; <-code }()
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"-version"}, 0},
		{[]string{"-h"}, 0},
		{[]string{"-nonsense"}, 2},
		{[]string{"-addr", "256.0.0.1:1"}, 1},
		{[]string{"-probe", url + "/ready"}, 0},
		{[]string{"-probe", url + "/nowhere"}, 1},
		{[]string{"-probe", "http://127.0.0.1:1/"}, 1},
	} {
		if got := run(c.args, io.Discard, io.Discard); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.args, got, c.want)
		}
	}
}

func TestProbePrintsTheAnswer(t *testing.T) {
	url, stop, code, _ := start(t, time.Second)
	defer func() { stop <- syscall.SIGTERM; <-code }()
	var out bytes.Buffer
	if got := run([]string{"-probe", url + "/who-am-i"}, &out, io.Discard); got != 0 {
		t.Fatalf("exit code %d", got)
	}
	var said answer
	if err := json.Unmarshal(out.Bytes(), &said); err != nil || said.OS != runtime.GOOS {
		t.Errorf("printed %q", out.String())
	}
}
