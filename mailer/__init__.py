"""Afternoon Post's one Django app.

Its folders are the story of a mail, and this is the import order (a test holds it):

4 doors   admin api web management notify    people and programs come in here
          backend                            Django's send_mail does
          sources                            and other apps' functions that give a digest its items
          lookout receivers                  and so do workers' and Django's signals
3 tasks   tasks waking                       Celery entry points, at most ten lines each; the messages that call them
2 flows   scheduling                         when: occurrences, schedules, planning of mailings and deliveries
          sending                            how it leaves: claim, message, SMTP, journal, outcomes
          feedback                           what came back: bounces, complaints, people who leave, and choose
          insight                            what staff see and are told: sums, stories, signs of life, alerts
          webhooks                           what other programs are told: events on their way
1 steps   audience                           who gets mail: addresses, imports, subscriptions
          templating                         what it says: sandbox, compile, compose, merge
          outside                            other people's web servers
0 models  models                             what is stored

A layer imports only from the layers below it; the flows do not import each other, nor do the steps.
"""
