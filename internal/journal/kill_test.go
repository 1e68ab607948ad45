package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const childVariable = "JOURNAL_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// child adds entries without end, and says which of them can be found.
func child(dir string) {
	j, err := Open(Config{Dir: dir, MaxSize: 4 << 20})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		j.Add(entry(Connect, Success, strconv.Itoa(i), certA, "", ""))
		if i%100 == 99 {
			if j.Sync(context.Background()) != nil {
				os.Exit(1)
			}
			fmt.Println(i)
		}
	}
}

// What could be found is found after kill -9, in order and without a gap; a torn tail is cut off.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(lines.Text())
		}
		if last > 3000 {
			break
		}
	}
	cmd.Process.Kill()
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			last = n
		}
	}
	cmd.Wait()

	// As if the kill had come in the middle of a write.
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, strings.Repeat("torn", 10)); err != nil {
		t.Fatal(err)
	}
	f.Close()

	j := open(t, Config{Dir: dir, MaxSize: 4 << 20})
	all, _, err := j.Query(Query{Scope: scope, Limit: 1 << 30})
	if err != nil || len(all) <= last {
		t.Fatalf("%d entries, %v, want more than %d", len(all), err, last)
	}
	for i, e := range all {
		if e.ClientID != strconv.Itoa(i) {
			t.Fatalf("entry %d is that of %s", i, e.ClientID)
		}
	}
	j.Add(entry(Connect, Success, "after", certA, "", ""))
	settle(t, j)
	if after, _, err := j.Query(Query{Scope: scope, ClientID: "after"}); len(after) != 1 || err != nil {
		t.Errorf("%d entries, %v", len(after), err)
	}
}
