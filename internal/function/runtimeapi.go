package function

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A runtimeAPI is the Lambda Runtime API of all processes: one listener on loopback, below it one unguessable
// path for each process (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Only the process itself
// and the server's user can read the path, from its environment.
type runtimeAPI struct {
	listener net.Listener
	server   *http.Server

	mu        sync.Mutex
	processes map[string]*process // by secret
}

func newRuntimeAPI(log *slog.Logger) (*runtimeAPI, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{listener: l, processes: map[string]*process{}}
	mux := http.NewServeMux()
	const base = "/{secret}/2018-06-01/runtime/"
	mux.HandleFunc("GET "+base+"invocation/next", a.handle((*process).serveNext))
	mux.HandleFunc("POST "+base+"invocation/{id}/response", a.handle((*process).serveResponse))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", a.handle((*process).serveError))
	mux.HandleFunc("POST "+base+"init/error", a.handle((*process).serveInitError))
	a.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return a, nil
}

// address is what AWS_LAMBDA_RUNTIME_API tells a process: host, port and its path.
func (a *runtimeAPI) address(secret string) string { return a.listener.Addr().String() + "/" + secret }

func (a *runtimeAPI) add(pr *process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.processes[pr.secret] = pr
}

func (a *runtimeAPI) remove(pr *process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.processes, pr.secret)
}

func (a *runtimeAPI) handle(f func(*process, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		pr := a.processes[r.PathValue("secret")]
		a.mu.Unlock()
		if pr == nil {
			answer(w, http.StatusForbidden, "Forbidden", "no such process")
			return
		}
		f(pr, w, r)
	}
}

// serveNext waits for the next invocation, as long as it takes.
func (pr *process) serveNext(w http.ResponseWriter, r *http.Request) {
	gone := func() {
		pr.kill() // a runtime that stops waiting would miss what it is sent
	}
	select {
	case pr.ready <- struct{}{}:
	case <-pr.exited:
		return
	case <-r.Context().Done():
		gone()
		return
	}
	select {
	case inv := <-pr.next:
		pr.write(w, inv)
	case <-pr.exited:
	case <-r.Context().Done():
		gone()
	}
}

func (pr *process) write(w http.ResponseWriter, inv *invocation) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", pr.function.ARN)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	if inv.clientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", inv.clientContext)
	}
	w.Write(inv.payload)
}

func (pr *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	inv := pr.invocation(r.PathValue("id"))
	if inv == nil {
		answer(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		pr.pool.answered(pr)
		inv.fail("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)
		answer(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		return
	}
	pr.pool.answered(pr)
	inv.finish(b, "", nil)
	accepted(w)
}

func (pr *process) serveError(w http.ResponseWriter, r *http.Request) {
	inv := pr.invocation(r.PathValue("id"))
	if inv == nil {
		answer(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	e := readError(w, r)
	pr.pool.answered(pr)
	inv.finish(e, unhandled, nil)
	accepted(w)
}

func (pr *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	f := &failure{readError(w, r)}
	pr.mu.Lock()
	pr.initFail = f
	pr.mu.Unlock()
	accepted(w)
}

// readError returns the error that a runtime posts: JSON with errorType and errorMessage, or only a header.
func readError(w http.ResponseWriter, r *http.Request) []byte {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil || !json.Valid(b) {
		return errorPayload(r.Header.Get("Lambda-Runtime-Function-Error-Type"), "the runtime reported an error without a readable description")
	}
	return b
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`+"\n")
}

func answer(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(errorPayload(errorType, message))
}
