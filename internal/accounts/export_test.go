package accounts

// For the test that compares the JSON schema with what is read.
var (
	AccountNames = accountNames
	OutputNames  = outputNames
)
