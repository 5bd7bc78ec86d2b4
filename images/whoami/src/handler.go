package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// longest is how long /slow may be asked to take.
const longest = 30 * time.Second

// answer is what /who-am-i says.
type answer struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	OSVersion    string `json:"os_version"`
	Hostname     string `json:"hostname"`
	Version      string `json:"version"`
	PID          int    `json:"pid"`
}

// handler answers requests and knows whether the server is about to end.
type handler struct {
	*http.ServeMux
	draining atomic.Bool
}

func newHandler() *handler {
	h := &handler{ServeMux: http.NewServeMux()}
	h.HandleFunc("GET /who-am-i", whoAmI)
	h.HandleFunc("GET /ready", h.ready)
	h.HandleFunc("GET /slow", slow)
	return h
}

func whoAmI(w http.ResponseWriter, _ *http.Request) {
	hostname, _ := os.Hostname()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer{
		OS:           runtime.GOOS,
		Architecture: runtime.GOARCH,
		OSVersion:    osVersion(),
		Hostname:     hostname,
		Version:      version,
		PID:          os.Getpid(),
	})
}

// ready says no while draining, so that a load balancer sends nothing more.
func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	if h.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// slow takes as long as ?for= says: the request in flight that a test of stopping needs.
func slow(w http.ResponseWriter, r *http.Request) {
	wait, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil || wait < 0 || wait > longest {
		http.Error(w, fmt.Sprintf("for must be a duration up to %v, such as 2s", longest), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(wait):
		fmt.Fprintln(w, "done")
	case <-r.Context().Done():
	}
}
