"""What a task of ours reported can be read without knowing JSON."""

import json

import pytest
from django_celery_results.models import TaskResult

from mailer.insight.reports import report_of


@pytest.mark.parametrize(
    ("task", "content", "sentence", "mailings"),
    [
        ("send_digest", {"digest": "news", "mailings": [3, 4]}, "Digest news: planned 2 mailings.", [3, 4]),
        ("send_digest", {"digest": "news", "mailings": []}, "Digest news: nothing was due.", []),
        ("purge", {"mailings": 0, "deliveries": 0}, "Nothing was old enough to be deleted.", []),
        ("purge", {"mailings": 1, "failed_logins": 2}, "Deleted what the log need not keep.", []),
        ("notify_user", {"mailing": 7}, "Wrote down one mail to one person.", [7]),
        ("tick", {"exc_type": "OSError", "exc_message": ["no disk."]}, "It broke off: OSError: no disk.", []),
        ("theirs", {"anything": 1}, "", []),
        ("send_digest", "text", "", []),
    ],
)
def test_a_result_is_told_in_a_sentence(task: str, content: object, sentence: str, mailings: list[int]):
    report = report_of(TaskResult(task_name=f"mailer.tasks.{task}", result=json.dumps(content)))
    assert (report.sentence, report.mailings) == (sentence, mailings)


def test_figures_are_named_in_words():
    result = TaskResult(task_name="mailer.tasks.purge", result=json.dumps({"mailings": 1, "failed_logins": 2}))
    assert report_of(result).figures == [("mailings", 1), ("failed logins", 2)]
