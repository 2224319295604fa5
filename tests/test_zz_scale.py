import time
import pytest
from datetime import UTC, datetime, timedelta
from django.db import connection
from django.test.utils import CaptureQueriesContext
from mailer.insight.counting import count_figures, uncounted_mailings
from mailer.insight.figures import figures_of
from mailer.models import *
T = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
N = 1_000_000
@pytest.mark.timeout(560)
@pytest.mark.django_db
def test_scale(mailing_list, template):
    m = Mailing.objects.create(kind="announcement", list=mailing_list, version=TemplateVersion.objects.get(), scheduled_for=T, status="done", started_at=T, finished_at=T+timedelta(hours=2), planned=N, sent=N-20000, failed=20000)
    with connection.cursor() as c:
        if connection.vendor == "postgresql":
            c.execute(f"INSERT INTO mailer_recipient (id,email,name,time_zone,language,attributes,created_at) SELECT 100+i, 'p'||i||'@'||(CASE WHEN i%3=0 THEN 'gmail.com' WHEN i%5=0 THEN 'yahoo.com' ELSE 'd'||(i%40000)||'.example' END), '', '', '', '{{}}', now() FROM generate_series(1,{N}) i")
            c.execute(f"INSERT INTO mailer_delivery (mailing_id,recipient_id,status,reason,attempts,sent_at,smtp_text) SELECT {m.pk}, 100+i, CASE WHEN i%50=0 THEN 'failed' ELSE 'sent' END, CASE WHEN i%50=0 THEN 'refused' ELSE '' END, 1, CASE WHEN i%50=0 THEN NULL ELSE '2026-11-23 15:00+00'::timestamptz + i * interval '3 ms' END, '' FROM generate_series(1,{N}) i")
            c.execute("ANALYZE")
        else:
            c.execute(f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<{N}) INSERT INTO mailer_recipient (id,email,name,time_zone,language,attributes,created_at) SELECT 100+i, 'p'||i||'@'||(CASE WHEN i%3=0 THEN 'gmail.com' WHEN i%5=0 THEN 'yahoo.com' ELSE 'd'||(i%40000)||'.example' END), '', '', '', '{{}}', '2026-01-01' FROM s")
            c.execute(f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<{N}) INSERT INTO mailer_delivery (mailing_id,recipient_id,status,reason,attempts,sent_at,smtp_text) SELECT {m.pk}, 100+i, CASE WHEN i%50=0 THEN 'failed' ELSE 'sent' END, CASE WHEN i%50=0 THEN 'refused' ELSE '' END, 1, CASE WHEN i%50=0 THEN NULL ELSE strftime('%Y-%m-%d %H:%M:%f', '2026-11-23 15:00:00', '+'||(i*0.003)||' seconds') END, '' FROM s")
    now = T + timedelta(days=1)
    with CaptureQueriesContext(connection) as q:
        t=time.time(); assert count_figures(m.pk, now); first=time.time()-t
    print("\nALL", round(first,1), "queries", len(q), "longest", max(float(x["time"]) for x in q))
    Delivery.objects.filter(mailing=m, recipient_id=101).update(status="bounced"); Mailing.objects.filter(pk=m.pk).update(sent=N-20001, bounced=1)
    with CaptureQueriesContext(connection) as q:
        t=time.time(); assert count_figures(m.pk, now+timedelta(minutes=1)); again=time.time()-t
    print("AGAIN", round(again,2), len(q), "longest", max(float(x["time"]) for x in q))
    f=figures_of(Mailing.objects.get(pk=m.pk)); print(f.fits, f.domains[:2], f.run.per_minute, f.run.slowest[:2])
