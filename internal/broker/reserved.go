package broker

import (
	"strings"

	"github.com/thingward/thingward/mqtt"
)

// Topics that begin with $ are reserved. These are the ones of AWS IoT that clients may publish to.
var publishableTopics = []string{
	"$aws/things/+/shadow/get", "$aws/things/+/shadow/update", "$aws/things/+/shadow/delete",
	"$aws/things/+/shadow/name/+/get", "$aws/things/+/shadow/name/+/update", "$aws/things/+/shadow/name/+/delete",
	"$aws/things/+/jobs/get", "$aws/things/+/jobs/start-next",
	"$aws/things/+/jobs/+/get", "$aws/things/+/jobs/+/update",
	"$aws/things/+/defender/metrics/json", "$aws/things/+/defender/metrics/cbor",
	"$aws/things/+/streams/+/get/json", "$aws/things/+/streams/+/get/cbor",
	"$aws/things/+/streams/+/describe/json", "$aws/things/+/streams/+/describe/cbor",
	"$aws/certificates/create/json", "$aws/certificates/create/cbor",
	"$aws/certificates/create-from-csr/json", "$aws/certificates/create-from-csr/cbor",
	"$aws/provisioning-templates/+/provision/json", "$aws/provisioning-templates/+/provision/cbor",
	"$aws/rules/#",
}

// These are the parts of the reserved space that clients may subscribe to, with any wildcards behind.
var subscribablePrefixes = []string{
	"$aws/things/", "$aws/events/", "$aws/certificates/", "$aws/provisioning-templates/", "$aws/sitewise/",
}

func publishable(topic string) bool {
	for _, filter := range publishableTopics {
		if mqtt.MatchAWS(filter, topic) {
			return true
		}
	}
	return false
}

func subscribable(filter string) bool {
	for _, prefix := range subscribablePrefixes {
		if strings.HasPrefix(filter, prefix) {
			return true
		}
	}
	return false
}
