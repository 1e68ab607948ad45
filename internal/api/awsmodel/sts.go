package awsmodel

// STS is the part of AWS's Security Token Service that the server offers: who am I. The CLI and many tools ask it first.
var STS = Service{
	Name:         "sts",
	Version:      "2011-06-15",
	Protocol:     Query,
	SigningNames: []string{"sts"},
	Validation:   "ValidationError",
	MaxBody:      64 << 10,
	Operations: []Operation{
		{Name: "GetCallerIdentity", Method: "POST", URI: "/", Input: "GetCallerIdentityRequest", Output: "GetCallerIdentityResponse"},
	},
	Shapes: []Shape{
		{Name: "String"},
		{Name: "GetCallerIdentityRequest", Kind: Structure},
		{Name: "GetCallerIdentityResponse", Kind: Structure, Members: []Member{
			{Name: "Arn", Shape: "String"},
			{Name: "UserId", Shape: "String"},
			{Name: "Account", Shape: "String"},
		}},
	},
}
