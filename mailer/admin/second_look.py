"""The last question before many people get a mail: who sends types how many that are."""

#: Up to so many people a button is enough.
FEW = 500


def needs_second_look(people: int, counted_to_the_end: bool = True) -> bool:
    """Whether the number must be typed; also where nobody knows yet how many there are."""
    return people > FEW or not counted_to_the_end


def is_number(typed: str, people: int | str) -> bool:
    """Whether the typed text says this number, with or without marks between its thousands."""
    digits = "".join(character for character in typed if character.isdigit())
    return digits != "" and digits == str(people)
