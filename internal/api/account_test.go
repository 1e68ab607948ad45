package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/sigv4"
)

func TestAccountsAndKeys(t *testing.T) {
	w := newWorld(t)
	admin := sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}
	other := sigv4.Credentials{AccessKeyID: otherKey.AccessKeyID, Secret: otherKey.SecretAccessKey}
	// f makes a call and checks a part of "code body"; in a code of success there is nothing.
	f := func(who sigv4.Credentials, operation string, members map[string]any, want string) (out AccessKey) {
		t.Helper()
		code, body := w.call(t, authorizationCase{"thingward", operation, members, nil}, who)
		if !strings.Contains(code+" "+body, want) || code != "" && !strings.HasPrefix(want, code) {
			t.Errorf("%s %v: got %s %s, want %s", operation, members, code, body, want)
		}
		json.Unmarshal([]byte(body), &out)
		return out
	}
	const third = "777788889999"
	f(admin, "ListAccounts", nil, `"accountId":"`+account+`"`)
	f(admin, "ListAccounts", nil, `"management":true`)
	f(admin, "CreateAccount", map[string]any{"accountId": third}, ` {"accountId":"`+third+`"`)
	f(admin, "CreateAccount", map[string]any{"accountId": third}, "ResourceAlreadyExistsException")
	f(admin, "CreateAccount", map[string]any{"accountId": "12"}, "InvalidRequestException")
	f(other, "CreateAccount", nil, "AccessDeniedException {\"message\":\"User: arn:aws:iam::"+otherAccount)
	f(other, "ListAccounts", nil, "AccessDeniedException")
	f(other, "DeleteAccount", map[string]any{"accountId": third}, "AccessDeniedException")

	create := func(account, user, policy string) map[string]any {
		return map[string]any{"accountId": account, "userName": user, "policyDocument": policy}
	}
	f(admin, "CreateAccessKey", create(third, "ci", "{"), "MalformedPolicyException {\"message\":\"Policy document is Malformed: line 1, column")
	f(admin, "CreateAccessKey", create(third, "a b", ""), "InvalidRequestException")
	f(admin, "CreateAccessKey", create(third, "functions", ""), "InvalidRequestException")
	f(admin, "CreateAccessKey", create("000011112222", "ci", ""), "ResourceNotFoundException")
	f(other, "CreateAccessKey", create(third, "ci", identity.Everything), "AccessDeniedException")
	made := f(admin, "CreateAccessKey", create(third, "ci", identity.Everything), `"status":"Active"`)
	if len(made.SecretAccessKey) != 40 || made.ARN != "arn:aws:iam::"+third+":user/ci" {
		t.Errorf("%+v", made)
	}
	ci := sigv4.Credentials{AccessKeyID: made.AccessKeyID, Secret: made.SecretAccessKey}
	if again := f(admin, "GetAccessKey", map[string]any{"accessKeyId": made.AccessKeyID}, identity.Everything[:2]); again.SecretAccessKey != "" || again.PolicyDocument != identity.Everything {
		t.Errorf("%+v", again)
	}

	// A key manages those of its own account, but not itself.
	target := func(k AccessKey, more ...any) map[string]any {
		m := map[string]any{"accessKeyId": k.AccessKeyID}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	second := f(ci, "CreateAccessKey", create(third, "second", ""), `"userName":"second"`)
	f(ci, "UpdateAccessKey", target(made, "status", "Inactive"), "InvalidRequestException {\"message\":\"Access key "+made.AccessKeyID+" signs this very call")
	f(ci, "DeleteAccessKey", target(made), "InvalidRequestException")
	f(ci, "GetAccessKey", map[string]any{"accessKeyId": otherKey.AccessKeyID}, "ResourceNotFoundException")
	f(ci, "DeleteAccessKey", map[string]any{"accessKeyId": otherKey.AccessKeyID}, "ResourceNotFoundException")
	f(ci, "UpdateAccessKey", map[string]any{"accessKeyId": key.AccessKeyID, "policyDocument": ""}, "ResourceNotFoundException")
	secondKey := sigv4.Credentials{AccessKeyID: second.AccessKeyID, Secret: second.SecretAccessKey}
	f(secondKey, "ListAccessKeys", map[string]any{"accountId": third}, "AccessDeniedException {\"message\":\"User: arn:aws:iam::"+third+":user/second is not authorized to perform: thingward:ListAccessKeys")
	f(ci, "UpdateAccessKey", target(second, "policyDocument", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"thingward:List*","Resource":"*"}}`), `"status":"Active"`)
	f(secondKey, "ListAccessKeys", map[string]any{"accountId": third}, `"userName":"second"`)

	// An inactive key is unknown at once, and back when it is active again.
	f(admin, "UpdateAccessKey", target(second, "status", "Inactive"), `"status":"Inactive"`)
	f(secondKey, "ListAccessKeys", map[string]any{"accountId": third}, "UnrecognizedClientException")
	f(admin, "UpdateAccessKey", target(second, "status", "Active"), `"status":"Active"`)
	f(secondKey, "ListAccessKeys", map[string]any{"accountId": third}, `"userName":"second"`)
	f(admin, "DeleteAccessKey", target(second), " ")
	f(secondKey, "ListAccessKeys", map[string]any{"accountId": third}, "UnrecognizedClientException")

	// An account goes when it is empty.
	if code, body := w.call(t, authorizationCase{"iot", "CreateThing", map[string]any{"thingName": "last"}, nil}, ci); code != "" {
		t.Fatal(code, body)
	}
	f(admin, "DeleteAccount", map[string]any{"accountId": third}, "DeleteConflictException {\"message\":\"Account "+third+" is not empty (things)")
	if code, body := w.call(t, authorizationCase{"iot", "DeleteThing", map[string]any{"thingName": "last"}, nil}, ci); code != "" {
		t.Fatal(code, body)
	}
	f(admin, "DeleteAccount", map[string]any{"accountId": third}, " ")
	f(ci, "ListAccessKeys", map[string]any{"accountId": third}, "UnrecognizedClientException")
	f(admin, "DeleteAccount", map[string]any{"accountId": third}, "ResourceNotFoundException")
	f(admin, "DeleteAccount", map[string]any{"accountId": account}, "InvalidRequestException {\"message\":\"Account "+account+" manages the others")
}
