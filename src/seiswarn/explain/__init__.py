"""What a run saw and decided, and why: of one event, of one audience, or of one moment.

It reads what a run has left and needs nothing of the run itself: `reading` goes through the output
journal, `survey` makes a line of each event, `event` a time line of one, `moment` one of two minutes
around a time; `verdict` says why an audience was warned or not; `text` and `page` show all that.
"""
