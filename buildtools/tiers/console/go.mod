module buildtools/console

go 1.21
