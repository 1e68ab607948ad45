package awsmodel

// Thingward is this server's own service, for what AWS has in IAM and Organizations: accounts and access keys. It is
// signed and answered like the others.
var Thingward = Service{
	Name:         "thingward",
	Version:      "2026-11-01",
	SigningNames: []string{"thingward"},
	Validation:   "InvalidRequestException",
	MaxBody:      256 << 10,
	Operations: []Operation{
		{Name: "CreateAccount", Method: "POST", URI: "/_thingward/accounts", Input: "CreateAccountRequest", Output: "Account"},
		{Name: "ListAccounts", Method: "GET", URI: "/_thingward/accounts", Input: "ListAccountsRequest", Output: "ListAccountsResponse"},
		{Name: "DeleteAccount", Method: "DELETE", URI: "/_thingward/accounts/{accountId}", Input: "AccountRequest"},
		{Name: "CreateAccessKey", Method: "POST", URI: "/_thingward/accounts/{accountId}/keys", Input: "CreateAccessKeyRequest", Output: "AccessKey"},
		{Name: "ListAccessKeys", Method: "GET", URI: "/_thingward/accounts/{accountId}/keys", Input: "AccountRequest", Output: "ListAccessKeysResponse"},
		{Name: "GetAccessKey", Method: "GET", URI: "/_thingward/keys/{accessKeyId}", Input: "AccessKeyRequest", Output: "AccessKey"},
		{Name: "UpdateAccessKey", Method: "PATCH", URI: "/_thingward/keys/{accessKeyId}", Input: "UpdateAccessKeyRequest", Output: "AccessKey"},
		{Name: "DeleteAccessKey", Method: "DELETE", URI: "/_thingward/keys/{accessKeyId}", Input: "AccessKeyRequest"},
	},
	Shapes: []Shape{
		{Name: "AccountId", Pattern: `\d{12}`},
		{Name: "AccessKeyId", Range: &Range{16, 128}, Pattern: `\w+`},
		{Name: "UserName", Range: &Range{1, 64}, Pattern: `[\w+=,.@-]+`},
		{Name: "PolicyDocument", Range: &Range{0, 131072}},
		{Name: "Status", Enum: []string{"Active", "Inactive"}},
		{Name: "CreateAccountRequest", Kind: Structure, Members: []Member{{Name: "accountId", Shape: "AccountId"}}},
		{Name: "AccountRequest", Kind: Structure, Members: []Member{{Name: "accountId", Shape: "AccountId", In: Label, Wire: "accountId", Required: true}}},
		{Name: "ListAccountsRequest", Kind: Structure},
		{Name: "Account", Kind: Structure},
		{Name: "ListAccountsResponse", Kind: Structure},
		{Name: "CreateAccessKeyRequest", Kind: Structure, Members: []Member{
			{Name: "accountId", Shape: "AccountId", In: Label, Wire: "accountId", Required: true},
			{Name: "userName", Shape: "UserName", Required: true},
			{Name: "policyDocument", Shape: "PolicyDocument"},
		}},
		{Name: "AccessKey", Kind: Structure},
		{Name: "ListAccessKeysResponse", Kind: Structure},
		{Name: "AccessKeyRequest", Kind: Structure, Members: []Member{{Name: "accessKeyId", Shape: "AccessKeyId", In: Label, Wire: "accessKeyId", Required: true}}},
		{Name: "UpdateAccessKeyRequest", Kind: Structure, Members: []Member{
			{Name: "accessKeyId", Shape: "AccessKeyId", In: Label, Wire: "accessKeyId", Required: true},
			{Name: "status", Shape: "Status"},
			{Name: "policyDocument", Shape: "PolicyDocument"},
		}},
	},
}
