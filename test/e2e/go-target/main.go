// Command go-target is the real Go program that the end-to-end tests scrape. It serves what a Go service serves
// (net/http/pprof, fgprof, godeltaprof), does on demand a known amount of work in functions with known names, and tells
// what it was asked and what it answered. Its first line on stdout is the address it listens on.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/felixge/fgprof"
	_ "github.com/grafana/pyroscope-go/godeltaprof/http/pprof"
)

func main() {
	// Every allocation is recorded, so that totals are exact and not estimates. Go wants it set as early as can be.
	runtime.MemProfileRate = 1
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)

	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; give the old one to restart at the same place")
	tlsCert := flag.String("tls-cert", "", "file of a certificate: with it, and its key, the program speaks TLS")
	tlsKey := flag.String("tls-key", "", "file of the certificate's key")
	unix := flag.String("unix", "", "path of a unix socket to listen on too")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatalf("Cannot listen on %q: %v", *addr, err)
	}
	// The custom profile type of the tests: /debug/pprof/my_profile has one stack for every call of addToMyProfile.
	mine := pprof.NewProfile("my_profile")
	addToMyProfile(mine)

	http.Handle("/debug/fgprof", fgprof.Handler())
	http.HandleFunc("POST /control/allocate", allocate)
	http.HandleFunc("POST /control/contend", contend)
	http.HandleFunc("POST /control/burn", burn)
	http.HandleFunc("GET /control/memory", memory)
	requests := &journal{answers: map[string][]byte{}}
	http.HandleFunc("GET /requests", requests.list)
	http.HandleFunc("GET /answers", requests.answer)

	handler := requests.record(http.DefaultServeMux)
	if *unix != "" {
		socket := listenUnix(*unix)
		go func() { log.Fatal(http.Serve(socket, handler)) }()
	}
	fmt.Println(listener.Addr())
	if *tlsCert != "" {
		log.Fatal(http.ServeTLS(listener, handler, *tlsCert, *tlsKey))
	}
	log.Fatal(http.Serve(listener, handler))
}

// listenUnix listens on a unix socket, also where that of a process that was killed is still there.
func listenUnix(path string) net.Listener {
	_ = os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatalf("Cannot listen on %q: %v", path, err)
	}
	return listener
}

//go:noinline
func addToMyProfile(profile *pprof.Profile) {
	profile.Add(new(int), 0)
}

// kept holds what is allocated, so that inuse_* grows too and the compiler cannot leave the allocation out.
var kept [][]byte

// allocateExactly is the function whose alloc_space the tests sum. The runtime rounds bytes up to a size class.
//
//go:noinline
func allocateExactly(bytes int) {
	kept = append(kept, make([]byte, bytes))
}

// allocate makes `times` allocations of `bytes` bytes, and publishes them: profiles show an allocation only after the
// collection that follows it has ended.
func allocate(w http.ResponseWriter, r *http.Request) {
	for range intParam(r, "times", 1) {
		allocateExactly(intParam(r, "bytes", 1<<20))
	}
	publish()
	w.WriteHeader(http.StatusNoContent)
}

func publish() {
	for range 3 {
		runtime.GC()
	}
}

// memory answers with what the runtime itself says was allocated below allocateExactly since the start.
func memory(w http.ResponseWriter, _ *http.Request) {
	publish()
	records := make([]runtime.MemProfileRecord, 1<<16)
	count, ok := runtime.MemProfile(records, true)
	if !ok {
		http.Error(w, "Too many memory profile records", http.StatusInternalServerError)
		return
	}
	var total struct{ Objects, Bytes int64 }
	for _, record := range records[:count] {
		if isBelow(record.Stack(), "main.allocateExactly") {
			total.Objects += record.AllocObjects
			total.Bytes += record.AllocBytes
		}
	}
	writeJSON(w, total)
}

func isBelow(stack []uintptr, function string) bool {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if frame.Function == function {
			return true
		}
		if !more {
			return false
		}
	}
}

// contend makes `times` goroutines wait for one mutex, and as many wait for a channel.
func contend(w http.ResponseWriter, r *http.Request) {
	for range intParam(r, "times", 10) {
		contendOnce()
	}
	w.WriteHeader(http.StatusNoContent)
}

//go:noinline
func contendOnce() {
	var lock sync.Mutex
	started, done := make(chan struct{}), make(chan struct{})
	lock.Lock()
	go func() {
		close(started)
		lock.Lock()
		defer lock.Unlock()
		close(done)
	}()
	<-started
	time.Sleep(5 * time.Millisecond)
	lock.Unlock()
	<-done
}

// burn keeps one core busy for `ms` milliseconds in the function burnCPU.
func burn(w http.ResponseWriter, r *http.Request) {
	go burnCPU(time.Now().Add(time.Duration(intParam(r, "ms", 1000)) * time.Millisecond))
	w.WriteHeader(http.StatusNoContent)
}

// sink keeps the compiler from leaving burnCPU's work out.
var sink uint64

//go:noinline
func burnCPU(until time.Time) {
	for time.Now().Before(until) {
		for i := range uint64(1 << 16) {
			sink = sink*31 + i
		}
	}
}

// journal remembers every request below /debug/, and the first and the last answer of each path.
type journal struct {
	mu      sync.Mutex
	entries []entry
	answers map[string][]byte
}

// entry is one request; its status is 0 until it is answered.
type entry struct {
	Path   string
	Query  string
	Agent  string
	AtMs   int64
	TookMs int64
	Status int
}

// record notes a request when it comes, so that a profile of 14 seconds can be seen at once, and again when it is answered.
func (j *journal) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/debug/") {
			next.ServeHTTP(w, r)
			return
		}
		start, tee := time.Now(), &teeWriter{ResponseWriter: w, status: http.StatusOK}
		j.mu.Lock()
		index := len(j.entries)
		j.entries = append(j.entries, entry{
			Path: r.URL.Path, Query: r.URL.RawQuery, Agent: r.UserAgent(), AtMs: start.UnixMilli(),
		})
		j.mu.Unlock()
		next.ServeHTTP(tee, r)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.entries[index].TookMs = time.Since(start).Milliseconds()
		j.entries[index].Status = tee.status
		if tee.err != nil || r.Context().Err() != nil {
			// Nobody has it: who asked went away.
			return
		}
		if j.answers["first "+r.URL.Path] == nil {
			j.answers["first "+r.URL.Path] = tee.body.Bytes()
		}
		j.answers["last "+r.URL.Path] = tee.body.Bytes()
	})
}

func (j *journal) list(w http.ResponseWriter, _ *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	writeJSON(w, append([]entry{}, j.entries...))
}

// answer returns the body that was sent for `path` at the `which` ("first" or "last") request.
func (j *journal) answer(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	body := j.answers[r.FormValue("which")+" "+r.FormValue("path")]
	j.mu.Unlock()
	if body == nil {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(body)
}

type teeWriter struct {
	http.ResponseWriter
	body   bytes.Buffer
	status int
	err    error
}

func (t *teeWriter) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *teeWriter) Write(p []byte) (int, error) {
	t.body.Write(p)
	n, err := t.ResponseWriter.Write(p)
	if err != nil {
		t.err = err
	}
	return n, err
}

func intParam(r *http.Request, name string, fallback int) int {
	value, err := strconv.Atoi(r.FormValue(name))
	if err != nil {
		return fallback
	}
	return value
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
