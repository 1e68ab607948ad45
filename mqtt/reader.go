package mqtt

// maxVarint is the largest variable byte integer.
const maxVarint = 1<<28 - 1
