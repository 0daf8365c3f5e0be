// What a team's Go application looks like to nginx: the standard server.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var received, executed atomic.Int64

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	headers := [][]string{}
	for name, values := range r.Header {
		for _, value := range values {
			headers = append(headers, []string{strings.ToLower(name), value})
		}
	}
	headers = append(headers, []string{"host", r.Host})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Trailer", "X-Checksum")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "target": r.RequestURI, "headers": headers, "body": string(body),
	})
	w.Header().Set("X-Checksum", "sum")
}

func main() {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	events := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: first\n\n")
		w.(http.Flusher).Flush()
		<-released
		fmt.Fprint(w, "data: last\n\n")
	}
	upload := func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 1024)
		for {
			n, err := r.Body.Read(part)
			received.Add(int64(n))
			if err != nil {
				break
			}
		}
		fmt.Fprint(w, received.Load())
	}
	headers := func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/headers/"))
		for ; size >= 4000; size -= 4000 {
			w.Header().Add("X-Large", strings.Repeat("x", 4000))
		}
		fmt.Fprint(w, "ok")
	}
	count := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		executed.Add(1)
		fmt.Fprint(w, "counted")
	}
	secure := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-Proto") != "https" {
			http.Redirect(w, r, "https://"+r.Host+"/secure", http.StatusMovedPermanently)
		}
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/events":
			events(w, r)
		case path == "/release":
			release()
		case path == "/upload":
			upload(w, r)
		case path == "/early":
			http.Error(w, "no", http.StatusUnauthorized)
		case path == "/received":
			fmt.Fprint(w, received.Load())
		case path == "/count":
			count(w, r)
		case path == "/executed":
			fmt.Fprint(w, executed.Load())
		case path == "/secure":
			secure(w, r)
		case strings.HasPrefix(path, "/headers/"):
			headers(w, r)
		default:
			answer(w, r)
		}
	}
	// Its time for an idle connection is shorter than any would be set to, so that requests meet the end of one often.
	server := http.Server{
		Addr: "127.0.0.1:" + os.Args[1], Handler: http.HandlerFunc(handler), IdleTimeout: 5 * time.Millisecond,
	}
	panic(server.ListenAndServe())
}
