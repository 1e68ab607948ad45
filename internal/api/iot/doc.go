// Package iot holds the inputs and outputs of AWS IoT's control plane operations as Go structs, generated from the
// model by internal/api/gen. Fields are named and encoded as in the model. A string that is absent is empty, a list
// or map that is absent is nil, other members that may be absent are pointers, and a time that is
// absent is zero.
package iot
