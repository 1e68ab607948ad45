// Package thingward holds the nouns that every part of the server speaks:
// [ARN] and [Scope] (what a thing is called and whose it is), [Principal] (who is acting),
// [Message] (what travels) and [Error] (why something was refused, under AWS's name for it).
//
// It knows no storage, no network and no HTTP; packages below internal/ build on it.
package thingward

import (
	"fmt"
	"strings"
)

// Partition is the first part of every ARN the server writes.
// A policy written for another partition never matches, as on AWS.
const Partition = "aws"

// A Scope is one account in one region. Every resource, topic and session belongs to exactly one.
type Scope struct {
	Account string // 12 digits
	Region  string // for example "eu-central-1"
}

// String returns "account/region", for logs.
func (s Scope) String() string { return s.Account + "/" + s.Region }

// ARN returns the ARN of an AWS IoT resource in s, such as s.ARN("thing/pump-1").
func (s Scope) ARN(resource string) string {
	return s.ServiceARN("iot", resource)
}

// ServiceARN returns the ARN of a resource of another service in s, such as
// s.ServiceARN("lambda", "function:activate").
func (s Scope) ServiceARN(service, resource string) string {
	return "arn:" + Partition + ":" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// An ARN is a parsed Amazon Resource Name, arn:partition:service:region:account:resource.
type ARN struct {
	Partition, Service, Region, Account string
	Resource                            string // everything after the fifth colon, colons included
}

// ParseARN splits s. It checks the shape only, not whether anything of that name exists.
func ParseARN(s string) (ARN, error) {
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[1] == "" || part[2] == "" || part[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:partition:service:region:account:resource", s)
	}
	return ARN{Partition: part[1], Service: part[2], Region: part[3], Account: part[4], Resource: part[5]}, nil
}

// Scope returns the account and region that a names.
func (a ARN) Scope() Scope { return Scope{Account: a.Account, Region: a.Region} }

// Split returns the kind and the name of the resource: "cert" and the id for "cert/5c1f…",
// "function" and the name for "function:activate". The kind is empty when there is no separator.
func (a ARN) Split() (kind, name string) {
	if i := strings.IndexAny(a.Resource, "/:"); i >= 0 {
		return a.Resource[:i], a.Resource[i+1:]
	}
	return "", a.Resource
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}
