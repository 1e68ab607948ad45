// Package iotdata holds the inputs and outputs of AWS IoT's data plane operations as Go structs, generated from the
// model by internal/api/gen. See package iot for how absent members look.
package iotdata
