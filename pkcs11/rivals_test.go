package pkcs11

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// rivals opens the token for n processes, each with a session when it is made already.
func rivals(t *testing.T, cfg Config, n int, session bool) (apps []*Application, sessions []SessionHandle) {
	t.Helper()
	for range n {
		m, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		a := m.Open()
		apps = append(apps, a)
		if session {
			s, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
			if err != nil {
				t.Fatal(err)
			}
			sessions = append(sessions, s)
		}
	}
	return apps, sessions
}

// oneWins runs f for each of n at the same time: one succeeds, all others are told that the PIN is wrong by then. It returns the winner.
func oneWins(t *testing.T, n int, f func(i int) error) int {
	t.Helper()
	var all sync.WaitGroup
	var won []int
	var mu sync.Mutex
	for i := range n {
		all.Go(func() {
			switch err := f(i); Code(err) {
			case CKR_OK:
				mu.Lock()
				defer mu.Unlock()
				won = append(won, i)
			case CKR_PIN_INCORRECT:
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%d of %d succeeded", len(won), n)
	}
	return won[0]
}

// Several processes make the same token, and change the same PIN: who comes second has the wrong PIN.
func TestRivals(t *testing.T) {
	cfg := Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "rivals.token"), Work: 12, Retries: 100}}}
	const n = 6
	pin := func(i int) []byte { return fmt.Appendf(nil, "pin %d", i) }
	apps, _ := rivals(t, cfg, n, false)
	winner := oneWins(t, n, func(i int) error { return apps[i].InitToken(0, pin(i), "rivals") })
	apps, sessions := rivals(t, cfg, n, true)
	if err := apps[0].Login(sessions[0], CKU_SO, pin(winner)); err != nil {
		t.Fatal(err)
	}
	if err := apps[0].InitPIN(sessions[0], []byte("1234")); err != nil {
		t.Fatal(err)
	}
	if err := apps[0].Logout(sessions[0]); err != nil {
		t.Fatal(err)
	}
	winner = oneWins(t, n, func(i int) error { return apps[i].SetPIN(sessions[i], []byte("1234"), pin(i)) })
	if err := apps[0].Login(sessions[0], CKU_USER, pin(winner)); err != nil {
		t.Error(err)
	}
}

// A token that is made anew while a PIN is checked does not take the key of the old one.
func TestMadeAnewMeanwhile(t *testing.T) {
	cfg := Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "anew.token"), Work: 4}}}
	a, _ := loggedIn(t, cfg)
	other, sessions := rivals(t, cfg, 1, true)
	token := other[0].sessions[sessions[0]].slot.token.(*fileToken)
	state, master, err := token.verify(CKU_USER, []byte("1234"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CloseAllSessions(0); err != nil {
		t.Fatal(err)
	}
	if err := a.InitToken(0, []byte("12345678"), "anew"); err != nil {
		t.Fatal(err)
	}
	if _, err := token.enter(CKU_USER, state, master); Code(err) != CKR_PIN_INCORRECT {
		t.Errorf("login: %v", err)
	}
	if err := token.newPIN(CKU_USER, []byte("4321"), state, state.User, master); Code(err) != CKR_PIN_INCORRECT {
		t.Errorf("another PIN: %v", err)
	}
}

// A writer whose disk is full takes back what it has begun to append. Who read that meanwhile forgets it.
func TestTakenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "back.token")
	cfg := Config{Slots: []Slot{{File: path, Work: 4}}}
	a, s := loggedIn(t, cfg)
	create := func(label string) {
		t.Helper()
		if _, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true), Text(CKA_LABEL, label)}); err != nil {
			t.Fatal(err)
		}
	}
	apps, sessions := rivals(t, cfg, 1, true)
	sees := func(want int) {
		t.Helper()
		if err := apps[0].FindInit(sessions[0], nil); err != nil {
			t.Fatal(err)
		}
		list, err := apps[0].Find(sessions[0], 10)
		if err != nil || len(list) != want {
			t.Errorf("%d objects (%v), want %d", len(list), err, want)
		}
		if err := apps[0].FindFinal(sessions[0]); err != nil {
			t.Fatal(err)
		}
	}
	create("first")
	sees(1)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	begun := objectRecord{number: 1, body: attributes{CKA_CLASS: number(CKO_DATA), CKA_LABEL: []byte("begun")}.encode()}.record().encode()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(begun); err != nil {
		t.Fatal(err)
	}
	sees(2)
	if err := f.Truncate(info.Size()); err != nil {
		t.Fatal(err)
	}
	sees(1)
	if _, err := f.Write(begun); err != nil {
		t.Fatal(err)
	}
	sees(2)
	if err := f.Truncate(info.Size()); err != nil {
		t.Fatal(err)
	}
	create("a longer one, so that the end of what was taken back is in its middle")
	sees(2)
}

// A file that goes away and comes back is the same token, but nobody is logged in any more, whether he has looked meanwhile or not.
func TestAwayAndBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "away.token")
	cfg := Config{Slots: []Slot{{File: path, Work: 4}}}
	loggedIn(t, cfg)
	m, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	apps := []*Application{m.Open(), m.Open()}
	var sessions []SessionHandle
	login := func(i int) {
		t.Helper()
		if err := apps[i].Login(sessions[i], CKU_USER, []byte("1234")); err != nil {
			t.Error(err)
		}
	}
	for i, a := range apps {
		s, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
		login(i)
	}
	secret := []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true), Bool(CKA_PRIVATE, true)}
	if _, err := apps[0].CreateObject(sessions[0], secret); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := apps[0].SessionInfo(sessions[0]); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	login(0)
	if i, err := apps[1].SessionInfo(sessions[1]); err != nil || i.State != CKS_RW_PUBLIC_SESSION {
		t.Errorf("state %d, %v", i.State, err)
	}
	if _, err := apps[1].CreateObject(sessions[1], secret); Code(err) != CKR_USER_NOT_LOGGED_IN {
		t.Error(err)
	}
	if err := apps[1].CloseSession(sessions[1]); err != nil {
		t.Error(err)
	}
	if _, err := apps[0].CreateObject(sessions[0], secret); err != nil {
		t.Errorf("after another application has left: %v", err)
	}
}

// Wrong PINs lock a PIN also where they cannot be written down: as long as the process lives that was asked.
func TestUncounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uncounted.token")
	a, s := loggedIn(t, Config{Slots: []Slot{{File: path, Work: 4, Retries: 3}}})
	if err := a.Logout(s); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	login := func(pin string, want Error) {
		t.Helper()
		if err := a.Login(s, CKU_USER, []byte(pin)); Code(err) != want {
			t.Errorf("%s: %v, want %v", pin, err, want)
		}
	}
	login("0000", CKR_PIN_INCORRECT)
	login("0001", CKR_PIN_INCORRECT)
	login("1234", CKR_OK)
	if err := a.Logout(s); err != nil {
		t.Fatal(err)
	}
	login("0000", CKR_PIN_INCORRECT)
	login("0001", CKR_PIN_INCORRECT)
	login("0002", CKR_PIN_INCORRECT)
	login("1234", CKR_PIN_LOCKED)

	if err := os.RemoveAll(path + ".new"); err != nil {
		t.Fatal(err)
	}
	if err := a.Login(s, CKU_SO, []byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if err := a.InitPIN(s, []byte("1234")); err != nil {
		t.Fatal(err)
	}
	if err := a.Logout(s); err != nil {
		t.Fatal(err)
	}
	login("1234", CKR_OK)
}
