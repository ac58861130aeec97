package storetest

var (
	acceptExamples, entryExamples, limitExamples, turnExamples, sayExamples, postExamples, holdExamples, moveExamples, deadExamples, peopleExamples, keepExamples []example
)
