"""Reports as mail servers and providers write them (RFC 3464 and RFC 5965)."""

from mailer.audience.return_paths import ReturnPaths

_BOUNCE = """\
From: MAILER-DAEMON@relay.example.org (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.org.
I'm sorry to have to inform you that your message could not be delivered.

<{recipient}>: host mx.example.org said: {code} {status} {text}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.org
Arrival-Date: Mon, 23 Nov 2026 14:59:40 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {code} {status} {text}

--b
Content-Type: text/rfc822-headers

Return-Path: <{back}>
From: News <post@example.org>
To: <{recipient}>
Subject: 3 new on News
Message-ID: <x@example.org>

--b--
"""
_COMPLAINT = """\
From: <feedback@provider.example>
To: <bounces@bounce.example.org>
Subject: FW: 3 new on News
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

This is an email abuse report for an email message received from IP 192.0.2.1.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{back}>

--b
Content-Type: message/rfc822

Return-Path: <{back}>
From: News <post@example.org>
Subject: 3 new on News
Message-ID: <x@example.org>

Hello
--b--
"""
ORDINARY = b"From: bob@example.org\r\nTo: bounces@bounce.example.org\r\nSubject: Hello\r\n\r\nHow are you?\r\n"


def bounce(delivery_id: int, recipient: str, reply: str = "550 5.1.1 No such user", action: str = "failed") -> bytes:
    """A delivery status notification of Postfix's making."""
    code, status, text = reply.split(" ", 2)
    back = ReturnPaths().make(delivery_id)
    filled = _BOUNCE.format(to=back, back=back, recipient=recipient, code=code, status=status, text=text, action=action)
    return filled.replace("\n", "\r\n").encode()


def complaint(delivery_id: int) -> bytes:
    """A provider's feedback report, which comes to the bounce address without a token and names nobody."""
    return _COMPLAINT.format(back=ReturnPaths().make(delivery_id)).replace("\n", "\r\n").encode()
