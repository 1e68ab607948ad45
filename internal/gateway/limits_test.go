package gateway

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes are a listener whose connections are pipes, which know the time of a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A request that never comes to its end, and one with a header too large, do not hold a connection.
func TestHTTPLimits(t *testing.T) {
	f := func(sent, want string, most time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			l := make(pipes)
			defer close(l)
			s := NewHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }), slog.New(slog.DiscardHandler))
			go s.Serve(l)
			client, conn := net.Pipe()
			l <- conn
			client.SetDeadline(time.Now().Add(time.Hour))
			go io.WriteString(client, sent)
			begun := time.Now()
			answer, err := io.ReadAll(client)
			if took := time.Since(begun); err != nil || took > most || !strings.HasPrefix(string(answer), want) {
				t.Errorf("after %v: %v, %.40q; want the end within %v and %q", took, err, answer, most, want)
			}
			client.Close()
		})
	}
	const head = "POST /things HTTP/1.1\r\nHost: localhost\r\n"
	f("", "", 10*time.Second)
	f(head, "", 10*time.Second)
	f(head+"Content-Length: 10\r\n\r\n{", "HTTP/1.1 403 ", 3*time.Minute)
	f(head+"X: "+strings.Repeat("x", 64<<10)+"\r\n\r\n", "HTTP/1.1 431 ", time.Minute)
}

// Nor does an answer that nobody reads; one that takes its time has it.
func TestUnreadAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		defer close(l)
		s := NewHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(15 * time.Minute) // as long as a function may take
			io.WriteString(w, "done")
		}), slog.New(slog.DiscardHandler))
		go s.Serve(l)
		ask := func() net.Conn {
			client, conn := net.Pipe()
			l <- conn
			client.SetDeadline(time.Now().Add(time.Hour))
			io.WriteString(client, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			return client
		}
		client := ask()
		if answer, err := io.ReadAll(client); err != nil || !strings.HasSuffix(string(answer), "done") {
			t.Errorf("who reads got %q, %v", answer, err)
		}
		client = ask()
		time.Sleep(21 * time.Minute)
		if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("who did not read is still connected: %d, %v", n, err)
		}
		client.Close()
	})
}
