package broker

// Limits are the quotas and quirks of a profile, as data. AWS and MQTT return the two profiles; every
// value may be changed before Open. Table prints them.
type Limits struct {
	Profile string // "aws" or "mqtt"
}

// AWS returns the limits that AWS IoT Core documents.
func AWS() Limits { return Limits{Profile: "aws"} }

// MQTT returns limits that leave out nothing of the standard.
func MQTT() Limits { return Limits{Profile: "mqtt"} }
