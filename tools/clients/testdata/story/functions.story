lambda CreateFunction {"FunctionName": "hello", "Runtime": "nodejs20.x", "Role": "arn:aws:iam::111122223333:role/lambda", "Handler": "index.handler", "Code": {"ZipFile": "$hello"}, "Timeout": 60}
	{"FunctionName": "hello", "FunctionArn": "$function", "State": "Active", "CodeSha256": "*"}
lambda CreateFunction {"FunctionName": "hello", "Runtime": "nodejs20.x", "Role": "arn:aws:iam::111122223333:role/lambda", "Handler": "index.handler", "Code": {"ZipFile": "$hello"}}
	ResourceConflictException 409
lambda GetFunction {"FunctionName": "hello"}
	{"Configuration": {"FunctionName": "hello", "FunctionArn": "$function"}}
lambda GetFunction {"FunctionName": "nothing"}
	ResourceNotFoundException 404
lambda GetFunctionConfiguration {"FunctionName": "hello"}
	{"FunctionName": "hello", "FunctionArn": "$function", "Timeout": 60}
lambda GetFunctionConfiguration {"FunctionName": "nothing"}
	ResourceNotFoundException 404
lambda ListFunctions {}
	{"Functions": [{"FunctionName": "hello"}]}
lambda ListFunctions {"Marker": "not-a-marker"}
	InvalidParameterValueException 400
lambda Invoke {"FunctionName": "hello", "Payload": "eyJuYW1lIjoieCJ9"}
	{"StatusCode": 200, "Payload": "ImhlbGxvIHgi"}
lambda Invoke {"FunctionName": "nothing", "Payload": "e30="}
	ResourceNotFoundException 404
lambda UpdateFunctionCode {"FunctionName": "hello", "ZipFile": "$seven"}
	{"FunctionName": "hello"}
lambda UpdateFunctionCode {"FunctionName": "nothing", "ZipFile": "$seven"}
	ResourceNotFoundException 404
lambda Invoke {"FunctionName": "hello"}
	{"StatusCode": 200, "Payload": "Nw=="}
lambda AddPermission {"FunctionName": "hello", "StatementId": "iot", "Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com"}
	{"Statement": "*"}
lambda AddPermission {"FunctionName": "hello", "StatementId": "iot", "Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com"}
	ResourceConflictException 409
lambda DeleteFunction {"FunctionName": "hello"}
	{}
lambda DeleteFunction {"FunctionName": "hello"}
	ResourceNotFoundException 404
