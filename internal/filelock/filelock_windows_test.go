package filelock

const create = 0
