package main

func main() {
	println("5433")
}
