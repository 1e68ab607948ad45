package pkcs11

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Module is the slots of one configuration. Several applications may use it at the same time.
type Module struct {
	slots []*slot
	mu    sync.Mutex
	apps  map[*Application]bool
}

type slot struct {
	id    SlotID
	info  SlotInfo
	token token
}

// A token is what a slot holds: a file, or a chip.
type token interface {
	// present tells whether there is one at the moment.
	present() bool
	// refresh takes in what other processes have changed; objects are those that are known since.
	refresh() error
	objects() *objects
	info() (TokenInfo, error) // without sessions
	mechanisms() map[MechanismType]MechanismInfo
	initialize(pin []byte, label string) error
	initPIN(pin []byte) error
	setPIN(u UserType, oldPIN, newPIN []byte) error
	// login returns an epoch: a token that was made anew has another one, and logins of before count no more.
	login(u UserType, pin []byte) (epoch string, err error)
	logout(u UserType, epoch string)
	epoch() string
	loginRequired() bool
	create(list ...attributes) ([]*object, error)
	change(o *object, f func(attributes) (attributes, error)) error
	destroy(o *object) error
	close()
}

// Open checks the configuration. Tokens are opened when they are first asked for; one that is missing or damaged is told by the calls
// on its slot, and takes nothing away from the others.
func Open(cfg Config) (*Module, error) {
	m := &Module{apps: map[*Application]bool{}}
	for _, s := range cfg.Slots {
		if s.ID >= 1<<31 || slices.ContainsFunc(m.slots, func(o *slot) bool { return o.id == SlotID(s.ID) }) {
			return nil, fmt.Errorf("slot id %d: each slot has its own, below 2^31", s.ID)
		}
		if (s.File == "") == (s.Chip == "") {
			return nil, fmt.Errorf("slot %d: give it a file or a chip", s.ID)
		}
		n := &slot{id: SlotID(s.ID), info: SlotInfo{Manufacturer: "Thingward", HardwareVersion: Version{1, 0}, FirmwareVersion: Version{1, 0}}}
		var err error
		if s.File != "" {
			n.info.Description = cut("file "+s.File, 64)
			n.token, err = newFileToken(s)
		} else {
			n.info.Description, n.info.Flags = cut("chip "+s.Chip, 64), CKF_HW_SLOT
			n.token, err = newChipToken(s, cfg)
		}
		if err != nil {
			return nil, err
		}
		m.slots = append(m.slots, n)
	}
	return m, nil
}

// cut shortens a text to n bytes, from the left: the end of a path says more.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8("..."+text[len(text)-n+3:], "")
}

// Close ends all applications and closes the tokens.
func (m *Module) Close() error {
	m.mu.Lock()
	var apps []*Application
	for a := range m.apps {
		apps = append(apps, a)
	}
	m.mu.Unlock()
	for _, a := range apps {
		a.Close()
	}
	for _, s := range m.slots {
		s.token.close()
	}
	return nil
}
