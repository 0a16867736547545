// Prints when a schedule fires, as robfig/cron v3 reads it: one time a line, in UTC.
//
//	cron-times current|older SCHEDULE FROM COUNT
//
// "current" has the options of nicholas-fedor/watchtower since v1.14.0 (internal/scheduling/scheduling.go). "older" reads
// as robfig/cron v1 did, with which containrrr/watchtower and the fork before v1.14.0 were built: the seconds are never
// left out, the day of the week may be.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/robfig/cron"
)

func main() {
	rest := cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Descriptor
	options := map[string]cron.ParseOption{
		"current": cron.SecondOptional | cron.Dow | rest,
		"older":   cron.Second | cron.DowOptional | rest,
	}
	schedule, err := cron.NewParser(options[os.Args[1]]).Parse(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	next, err := time.Parse(time.RFC3339, os.Args[3])
	if err != nil {
		panic(err)
	}
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		panic(err)
	}
	for ; count > 0; count-- {
		next = schedule.Next(next)
		fmt.Println(next.Format(time.RFC3339))
	}
}
