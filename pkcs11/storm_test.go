package pkcs11

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var stormTime = flag.Duration("storm", 3*time.Second, "how long TestStorm kills writers and readers")

const stormVariable = "PKCS11_STORM"

func TestMain(m *testing.M) {
	if role := os.Getenv(stormVariable); role != "" {
		if err := storm(role, os.Getenv("PKCS11_STORM_FILE")); err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestStorm has two writers and three readers on one token, each a process, and kills random ones. What a writer was told is done
// has to be there for all who come later, and whole: keys sign, data is what its label says.
func TestStorm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "storm.token")
	app, s := loggedIn(t, Config{Slots: []Slot{{File: path, Work: 4}}})
	l := &ledger{kept: map[string]bool{}}
	var workers sync.WaitGroup
	stop := make(chan struct{})
	roles := []string{"writer", "writer", "reader", "reader", "reader"}
	kill := make([]chan struct{}, len(roles))
	for i, role := range roles {
		kill[i] = make(chan struct{}, 1)
		workers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := l.run(role, fmt.Sprintf("w%d.%d", i, n), path, kill[i], stop); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	start := time.Now()
	for !t.Failed() && (time.Since(start) < *stormTime || !l.enough() && time.Since(start) < 2*time.Minute) {
		<-time.After(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		select {
		case kill[rand.IntN(len(roles))] <- struct{}{}:
		default:
		}
	}
	close(stop)
	workers.Wait()

	found, err := labels(app, s)
	if err != nil {
		t.Fatal(err)
	}
	for label := range l.kept {
		if !found[label] {
			t.Errorf("%s was created and is lost", label)
		}
	}
	for label := range found {
		if !l.kept[label] && !l.unsure[label] {
			t.Errorf("%s was destroyed and is there again", label)
		}
	}
	t.Logf("%d killed; %d objects created, %d destroyed, %d there in the end; readers looked %d times", l.killed, l.created, l.destroyed, len(found), l.looks)
	if !l.enough() {
		t.Error("the storm was none")
	}
}

// loggedIn makes the token in slot 0 and logs a user in.
func loggedIn(t testing.TB, cfg Config) (*Application, SessionHandle) {
	t.Helper()
	m, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	a := m.Open()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(a.InitToken(0, []byte("12345678"), "storm"))
	s, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	do(err)
	do(a.Login(s, CKU_SO, []byte("12345678")))
	do(a.InitPIN(s, []byte("1234")))
	do(a.Logout(s))
	do(a.Login(s, CKU_USER, []byte("1234")))
	return a, s
}

// A ledger is what the processes said they did.
type ledger struct {
	mu                                sync.Mutex
	kept                              map[string]bool
	unsure                            map[string]bool // begun when its process was killed
	killed, created, destroyed, looks int
}

// enough tells whether something happened, on a slow machine too.
func (l *ledger) enough() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed > 5 && l.created > 20 && l.destroyed > 2 && l.looks > 3
}

// run runs one process until it is killed or the storm is over.
func (l *ledger) run(role, name, path string, kill, stop chan struct{}) error {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), stormVariable+"="+role+" "+name, "PKCS11_STORM_FILE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-kill:
			l.mu.Lock()
			l.killed++
			l.mu.Unlock()
		case <-stop:
		case <-done:
		}
		cmd.Process.Kill()
	}()
	defer cmd.Wait()
	defer close(done)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, label, _ := strings.Cut(lines.Text(), " ")
		if err := l.note(what, label); err != nil {
			return fmt.Errorf("%s: %w", role, err)
		}
	}
	return nil
}

func (l *ledger) note(what, label string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsure == nil {
		l.unsure = map[string]bool{}
	}
	switch what {
	case "create", "destroy": // begun; the end may never be told
		l.unsure[label] = true
		delete(l.kept, label)
	case "created":
		delete(l.unsure, label)
		l.kept[label] = true
		l.created++
	case "destroyed":
		delete(l.unsure, label)
		l.destroyed++
	case "looked":
		l.looks++
	default:
		return errors.New(what + " " + label)
	}
	return nil
}

// labels are the objects that are there; it looks at each whether it is whole.
func labels(a *Application, s SessionHandle) (map[string]bool, error) {
	if err := a.FindInit(s, nil); err != nil {
		return nil, err
	}
	list, err := a.Find(s, maxObjects)
	if err := errors.Join(err, a.FindFinal(s)); err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, o := range list {
		label, err := wholeObject(a, s, o)
		if Code(err) == CKR_OBJECT_HANDLE_INVALID || Code(err) == CKR_KEY_HANDLE_INVALID {
			continue // somebody destroyed it
		}
		if err != nil {
			return nil, err
		}
		found[label] = true
	}
	return found, nil
}

// wholeObject checks one object: of a key, that it signs; of data, that it is the digest of its label.
func wholeObject(a *Application, s SessionHandle, o ObjectHandle) (string, error) {
	v, err := a.GetAttributes(s, o, []AttributeType{CKA_LABEL, CKA_CLASS, CKA_VALUE, CKA_PUBLIC_KEY_INFO})
	if c := Code(err); c != CKR_OK && c != CKR_ATTRIBUTE_SENSITIVE && c != CKR_ATTRIBUTE_TYPE_INVALID {
		return "", err
	}
	label := string(v[0].Value)
	sum := sha256.Sum256([]byte(label))
	if v[2].Error == CKR_OK {
		if string(v[2].Value) != string(sum[:]) {
			return "", fmt.Errorf("%s is torn", label)
		}
		return label, nil
	}
	signer, err := a.Signer(s, o)
	if err != nil {
		return "", err
	}
	signature, err := signer.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	public, err := x509.ParsePKIXPublicKey(v[3].Value)
	if err != nil {
		return "", err
	}
	if !ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), sum[:], signature) {
		return "", fmt.Errorf("%s is torn: its signatures do not fit", label)
	}
	return label, nil
}

// storm is one process.
func storm(role, path string) error {
	role, name, _ := strings.Cut(role, " ")
	m, err := Open(Config{Slots: []Slot{{File: path, Work: 4}}})
	if err != nil {
		return err
	}
	a := m.Open()
	s, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	if err != nil {
		return err
	}
	if err := a.Login(s, CKU_USER, []byte("1234")); err != nil {
		return err
	}
	own := map[string]ObjectHandle{}
	for n := 0; ; n++ {
		if role == "reader" {
			if _, err := labels(a, s); err != nil {
				return err
			}
			fmt.Println("looked")
			continue
		}
		if err := write(a, s, fmt.Sprintf("%s.%d", name, n), n, own); err != nil {
			return err
		}
	}
}

// write creates a key or data, and now and then destroys something of its own.
func write(a *Application, s SessionHandle, label string, n int, own map[string]ObjectHandle) (err error) {
	fmt.Println("create", label)
	var o ObjectHandle
	if n%3 == 0 {
		_, o, err = a.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid)},
			[]Attribute{Bool(CKA_TOKEN, true), Text(CKA_LABEL, label)})
	} else {
		sum := sha256.Sum256([]byte(label))
		o, err = a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true), Bool(CKA_PRIVATE, n%2 == 0), Text(CKA_LABEL, label), Bytes(CKA_VALUE, sum[:])})
	}
	if err != nil {
		return err
	}
	fmt.Println("created", label)
	own[label] = o
	if n%4 == 3 {
		for gone := range maps.Keys(own) {
			fmt.Println("destroy", gone)
			if err := a.DestroyObject(s, own[gone]); err != nil {
				return err
			}
			fmt.Println("destroyed", gone)
			delete(own, gone)
			break
		}
	}
	return nil
}
