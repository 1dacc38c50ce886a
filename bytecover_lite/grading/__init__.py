"""Grade a folder of submitted assignments, each in a process of its own (instructor's guide).

The way of a submission: ``submissions`` finds and reads the file, ``matching`` finds the student's
answers in it and puts them among the instructor's tests, ``running`` executes the outcome in a
limited process (``worker``), ``batch`` gives each a verdict, ``feedback`` writes what a student
gets back.
"""
