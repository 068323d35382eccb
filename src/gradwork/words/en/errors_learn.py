"""Errors of learning: optimizers, schedules and what a run may be asked."""

SENTENCES = {
    "no such slot": "a part renews the arrays that it keeps, {known:and}; it has none named '{slot}'",
    "letter taken": "{part}: {letters:and} stand for other things in every update; name what it keeps otherwise",
    "slot never renewed": "{part} keeps {slots:and}, which its rule never renews",
}
