package policy

// Where the AWS documentation is silent or says two things, this package decides so:
//
// Documents. The 2048 characters are UTF-16 units; white space counts inside of strings only. An operator that does
// not exist, and a condition value without variables that its operator cannot read ("five" for a number), make a
// document malformed: a condition that can never be judged is a mistake, and is told while somebody looks. A version
// that is absent means 2008-10-17. Services other than iot, iotjobsdata and greengrass are refused in IoT policies.
//
// Wildcards. A resource is compared as one text: * also stands for colons and so for several parts of an ARN.
// ? is one code point. In Arn conditions the six parts are compared one by one, and ArnEquals is ArnLike.
//
// Names. Actions and variables do not care about case, names of thing attributes do. The four jobs actions may be
// spelled iot: or iotjobsdata:, in the policy and in the request.
//
// Variables without a value. Such an entry of Resource matches nothing, its neighbours still count. In NotResource,
// and in the values of a negated condition, it keeps the whole statement from matching: an unknown value must not
// make a statement apply, be it an allow or a deny. So a deny does not apply when its variable has no value; [Lint]
// warns. ${ without } is plain text. iot:Thing.ThingName is iot:Connection.Thing.ThingName. A client id or name that is empty is no value;
// a thing attribute may be empty.
//
// Lists. A variable with several values (.List, iot:ConnectAttributes, iot:Certificate.AvailableKeys) cannot be
// substituted. In a condition without ForAllValues or ForAnyValue any of its values is enough; for a negated operator
// all have to differ. An empty list is no value, also for Null. iot:ConnectAttributes and iot:LastWillTopic
// exist for iot:Connect alone.
//
// Certificates. Values are kept with a backslash before , " \ + = < > ; and a DirectoryName is the string of
// RFC 2253, escaped likewise. A value that may not be substituted leaves ${name} in the text, where it is plain
// characters; as a condition key it is compared as it is. iot:Certificate.AvailableKeys has full names,
// "iot:Certificate.Subject.CommonName". What cannot be parsed has no value.
//
// Conditions. A key without value is judged before the policy's values are looked at. What a test cannot read
// (a number that is none) equals nothing: the positive operator is false, the negated one true. Numbers are compared
// in double precision. A date of digits alone is in seconds since 1970.
