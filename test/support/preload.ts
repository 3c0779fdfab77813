// Loaded before every test file; the leak checks and fake clock live beside it.
import "node:process";
