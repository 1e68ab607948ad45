package api

import (
	"encoding/base64"
	"reflect"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/function"
)

// Results on a page when the caller does not say how many.
const (
	defaultPageSize   = 25 // operations with marker and pageSize
	defaultMaxResults = 100
)

// openPage replaces the token of an input by the key inside, and fills in the number of results.
func openPage(s *awsmodel.Service, op *awsmodel.Operation, tree map[string]any) error {
	p := op.Paging
	if p == nil {
		return nil
	}
	if token, _ := tree[p.Input].(string); token != "" {
		key, ok := openToken(op.Name, token)
		if !ok {
			return thingward.Errorf(badToken(s), "The %s is not one that %s has answered.", p.Input, op.Name)
		}
		tree[p.Input] = key
	}
	if _, ok := tree[p.Limit]; !ok && p.Limit != "" {
		n := int64(defaultMaxResults)
		if p.Limit == "pageSize" {
			n = defaultPageSize
		}
		tree[p.Limit] = n
	}
	return nil
}

// badToken is the exception for a token that is none.
func badToken(s *awsmodel.Service) string {
	if s == &awsmodel.Lambda {
		return function.InvalidParameterValue
	}
	return thingward.InvalidRequest
}

// closePage replaces the key of the next page in out, a pointer to a struct, by a token, and makes sure that an
// empty list is written as one.
func closePage(op *awsmodel.Operation, out any) {
	if op.Paging == nil {
		return
	}
	v := reflect.ValueOf(out).Elem()
	if next := v.FieldByName(exported(op.Paging.Output)); next.String() != "" {
		next.SetString(newToken(op.Name, next.String()))
	}
	if list := v.FieldByName(exported(op.Paging.Result)); list.IsNil() {
		list.Set(reflect.MakeSlice(list.Type(), 0, 0))
	}
}

// A token is opaque to clients: the operation it belongs to and the key that its page ended with.
func newToken(operation, key string) string {
	return base64.URLEncoding.EncodeToString([]byte(operation + "\n" + key))
}

func openToken(operation, token string) (key string, ok bool) {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(b), operation+"\n")
}

func exported(member string) string { return strings.ToUpper(member[:1]) + member[1:] }
