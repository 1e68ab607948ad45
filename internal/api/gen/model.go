package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A service says what the model of a service does not.
type service struct {
	model        string   // file name without extension
	variable     string   // Go name of its table
	signingNames []string // the model's own first
	maxBody      int
}

var (
	// Older SDKs sign the control plane as execute-api.
	iot = service{"iot", "IoT", []string{"iot", "execute-api"}, 1 << 20}
	// The device guide signs the data plane as iotdevicegateway, the SDKs as iotdata. A payload has at most 128 KiB.
	iotData     = service{"iot-data", "IoTData", []string{"iotdata", "iotdevicegateway"}, 256 << 10}
	iotJobsData = service{"iot-jobs-data", "IoTJobsData", []string{"iot-jobs-data"}, 256 << 10}
)

// model is the part of botocore's service-2.json that we read.
type model struct {
	Metadata struct {
		APIVersion string `json:"apiVersion"`
	} `json:"metadata"`
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]shape     `json:"shapes"`

	Pagination map[string]paging `json:"-"`
}

type operation struct {
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input  ref `json:"input"`
	Output ref `json:"output"`
}

type shape struct {
	Type      string    `json:"type"`
	Min       *float64  `json:"min"`
	Max       *float64  `json:"max"`
	Pattern   string    `json:"pattern"`
	Enum      []string  `json:"enum"`
	Sensitive bool      `json:"sensitive"`
	Required  []string  `json:"required"`
	Members   members   `json:"members"`
	Payload   string    `json:"payload"`
	Member    ref       `json:"member"`
	Key       ref       `json:"key"`
	Value     ref       `json:"value"`
	Error     *struct { // exceptions only
		Status int `json:"httpStatusCode"`
	} `json:"error"`
	Exception bool `json:"exception"`
}

type ref struct {
	Shape        string `json:"shape"`
	Location     string `json:"location"`
	LocationName string `json:"locationName"`
	JSONValue    bool   `json:"jsonvalue"`
}

type member struct {
	name string
	ref
}

// members keeps the order of the model, in which AWS's own documents list them.
type members []member

func (m *members) UnmarshalJSON(b []byte) error {
	var byName map[string]ref
	if err := json.Unmarshal(b, &byName); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end: b was read as a whole above
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' {
				depth++
			} else {
				depth--
			}
		case string:
			if depth == 1 {
				*m = append(*m, member{token, byName[token]})
			}
		}
	}
}

type paging struct {
	InputToken  string `json:"input_token"`
	OutputToken string `json:"output_token"`
	LimitKey    string `json:"limit_key"`
	ResultKey   string `json:"result_key"`
}

func readModel(dir, name string) (*model, error) {
	m := new(model)
	if err := readJSON(filepath.Join(dir, name+".json"), m); err != nil {
		return nil, err
	}
	var p struct {
		Pagination map[string]paging `json:"pagination"`
	}
	err := readJSON(filepath.Join(dir, name+".paginators.json"), &p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a service need not page
		return nil, err
	}
	m.Pagination = p.Pagination
	return m, nil
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// sorted returns the keys of m in order, so that the output does not change from run to run.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
