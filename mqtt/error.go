package mqtt

// An Error says why a packet was refused.
type Error struct {
	ReasonCode ReasonCode // what MQTT 5 tells the peer, in CONNACK or DISCONNECT
	Msg        string     // what was wrong, starting with the packet's name
	Rule       string     // the broken rule of the standard, such as "MQTT-3.3.1-4"; empty where it has no number

	// Version is the version in which to answer. It is set even when the CONNECT itself was refused, unless the
	// packet broke off before its protocol level; V31 and levels below 4 are answered like V311.
	Version Version
}

func (e *Error) Error() string {
	if e.Rule == "" {
		return e.Msg
	}
	return e.Msg + " (" + e.Rule + ")"
}
