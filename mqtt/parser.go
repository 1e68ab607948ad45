package mqtt

// A Parser decodes the packets of one connection without allocating for PUBLISH and PUBACK.
type Parser struct {
	Version Version // as in Parse
	Max     int     // as in Parse

	// Intern returns the string for the valid topic name of a PUBLISH, see Interner; nil makes a copy. It may not
	// keep the bytes.
	Intern func(topic []byte) string

	publish    Publish
	properties Properties
	puback     Puback
}

// Next is Parse, except that a *Publish or *Puback with its Properties is valid only until the next call. Their
// strings may be kept.
func (p *Parser) Next(b []byte) (pkt Packet, n int, err error) {
	r, first, n, err := open(b, p.Version, p.Max)
	if n == 0 || err != nil {
		return nil, 0, err
	}
	switch r.packet {
	case TypePublish:
		r.spare = &p.properties
		r.publish(&p.publish, first, p.Intern)
		pkt, err = &p.publish, r.end()
	case TypePuback:
		r.spare = &p.properties
		r.ack(&p.puback)
		pkt, err = &p.puback, r.end()
	default:
		pkt, err = r.decode(first)
	}
	if err != nil {
		return nil, 0, err
	}
	return pkt, n, nil
}

// An Interner remembers recent topic names, so that a device that publishes to the same topics again and
// again costs no new string per message. Names of more than 1 KiB are not kept, as a few of them would take megabytes. Not for
// concurrent use. The zero value is ready.
type Interner struct {
	Max    int // most topics kept; when full, all are forgotten. 0: 64
	topics map[string]string
}

// Intern returns topic as a string; it is what Parser.Intern wants.
func (in *Interner) Intern(topic []byte) string {
	if len(topic) > 1024 {
		return string(topic)
	}
	if s, ok := in.topics[string(topic)]; ok {
		return s
	}
	limit := in.Max
	if limit <= 0 {
		limit = 64
	}
	if in.topics == nil || len(in.topics) >= limit {
		in.topics = make(map[string]string)
	}
	s := string(topic)
	in.topics[s] = s
	return s
}
