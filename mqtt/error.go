package mqtt

// An Error says why a packet was refused.
type Error struct {
	ReasonCode ReasonCode // what MQTT 5 tells the peer, in CONNACK or DISCONNECT
	Msg        string     // what was wrong, starting with the packet's name
	Rule       string     // the broken rule of the standard, such as "MQTT-3.3.1-4"; empty where it has no number

	// Version is the version in which to answer. It is set even when the CONNECT itself was refused, and 0 when the
	// packet did not show that its sender speaks MQTT; then there is nothing to answer. V31 is answered like V311.
	Version Version
}

func (e *Error) Error() string {
	if e.Rule == "" {
		return e.Msg
	}
	return e.Msg + " (" + e.Rule + ")"
}

func newError(t PacketType, v Version, code ReasonCode, rule, msg string) *Error {
	if other, ok := rules311[rule]; ok && v == V311 {
		rule = other
	}
	if rule != "" {
		rule = "MQTT-" + rule
	}
	return &Error{ReasonCode: code, Msg: t.String() + ": " + msg, Rule: rule, Version: v}
}

// rules311 translates the numbers of the MQTT 5 rules to those of MQTT 3.1.1, where they differ.
var rules311 = map[string]string{
	"1.5.4-1":  "1.5.3-1",
	"1.5.4-2":  "1.5.3-2",
	"2.1.3-1":  "2.2.2-2",
	"2.2.1-3":  "2.3.1-1",
	"2.2.1-5":  "2.3.1-6",
	"2.2.1-6":  "2.3.1-7",
	"3.1.2-11": "3.1.2-13",
	"3.1.2-12": "3.1.2-14",
	"3.1.2-13": "3.1.2-15",
	"3.2.2-1":  "",
	"3.2.2-6":  "3.2.2-4",
	"3.2.2-8":  "",
	"3.8.3-2":  "3.8.3-3",
	"3.8.3-5":  "3-8.3-4", // spelt so in the standard
	"3.8.4-6":  "3.8.4-5",
	"3.14.1-1": "2.2.2-2",
	"4.7.0-1":  "4.7.1-1",
	"4.7.1-1":  "4.7.1-2",
	"4.7.1-2":  "4.7.1-3",
}
