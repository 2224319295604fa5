"""Who may open and change what in the admin, as two tables that a person can read and check.

M List manager, T Template author, S Sender, R Reviewer. A superuser may do all of it, except what is `never` done.
`staff` may all who can log in, also without a role; `anyone` those too who have not; `nothing` is there to be had.
"""

ROLES = {"M": "List manager", "T": "Template author", "S": "Sender", "R": "Reviewer"}

#: What each role may do with the rows of a model, on its list, its forms and its history.
MODELS = """
model                                  view   add    change  delete

mailer.RecipientList                   MTSR   M      M       M
mailer.Recipient                       MSR    M      M       M
mailer.Subscription                    MSR    M      M       M
mailer.Suppression                     MSR    M      M       never
mailer.LiftedSuppression               MSR    never  never   never
mailer.Erasure                         MSR    never  never   never
mailer.Segment                         MSR    M      M       M
mailer.Import                          MSR    M      never   never

mailer.Digest                          MTSR   S      S       S
mailer.DigestItem                      MTSR   MS     MS      MS
mailer.Feed                            MTSR   MS     MS      MS
mailer.Announcement                    MTSR   S      S       S
mailer.EmailTemplate                   MTSR   T      T       never
mailer.TemplateVersion                 MTSR   never  never   never

mailer.Mailing                         MTSR   never  never   never
mailer.Delivery                        MSR    never  never   never
mailer.Attempt                         MSR    never  never   never
mailer.Return                          MSR    never  never   never
django_celery_results.TaskResult       SR     never  never   never
django_celery_results.GroupResult      -      never  never   never
mailer.Alert                           SR     never  never   never
mailer.SendingLimit                    SR     -      -       -
admin.LogEntry                         MTSR   never  never   never

django_celery_beat.PeriodicTask        SR     -      -       -
django_celery_beat.CrontabSchedule     SR     -      -       -
django_celery_beat.IntervalSchedule    -      -      -       -
django_celery_beat.ClockedSchedule     -      -      -       -
django_celery_beat.SolarSchedule       -      -      -       -

auth.User                              -      -      -       -
mailer.ApiKey                          -      -      -       never
mailer.WebhookEndpoint                 R      -      -       -
mailer.WebhookDelivery                 R      never  never   never
auth.Group                             -      -      -       -
axes.AccessAttempt                     -      never  never   never
axes.AccessLog                         -      never  never   never
"""

#: All other addresses.
PAGES = """
address                                GET       POST

index                                  staff     staff
search                                 staff     staff
jsi18n                                 staff     nothing
autocomplete                           nothing   nothing
view_on_site                           nothing   nothing
app_list                               MTSR      MTSR
login                                  anyone    anyone
logout                                 nothing   staff
password_change                        staff     staff
password_change_done                   staff     nothing
auth_user_password_change              -         -

mailer_recipient_find                  MSR       nothing
mailer_recipient_why                   MSR       nothing
mailer_recipient_lift_erasure          nothing   M
mailer_recipient_suppress              nothing   M
mailer_recipient_lift                  nothing   M
mailer_recipient_unsubscribe           nothing   M
mailer_recipient_dossier               nothing   MS
mailer_suppression_lift                nothing   M
mailer_apikey_revoke                   nothing   -
mailer_webhookendpoint_test            nothing   -
mailer_webhookendpoint_rotate          nothing   -
mailer_webhookdelivery_replay          nothing   -
mailer_digest_pause                    nothing   S
mailer_digest_resume                   nothing   S
mailer_digest_send                     S         S
mailer_digest_count                    MTSR      MTSR
mailer_digest_letter                   MTSR      MTSR
mailer_digest_people                   MS        MS
mailer_digest_test                     nothing   S
mailer_digest_additem                  nothing   MS
mailer_digest_arrange                  nothing   MS
mailer_digest_hide                     nothing   nothing
mailer_feed_follow                     nothing   MS
mailer_feed_unfollow                   nothing   MS
mailer_feed_read                       nothing   MS
mailer_announcement_send               S         S
mailer_announcement_withdraw           nothing   S
mailer_announcement_copy               nothing   S
mailer_announcement_count              MTSR      MTSR
mailer_announcement_letter             MTSR      MTSR
mailer_announcement_people             MS        MS
mailer_announcement_test               nothing   S
mailer_segment_count                   MSR       MSR
mailer_segment_known                   MSR       MSR
mailer_emailtemplate_edit              T         T
mailer_emailtemplate_preview           nothing   T
mailer_emailtemplate_check             nothing   T
mailer_templateversion_preview         MTSR      MTSR
mailer_templateversion_compare         MTSR      MTSR
mailer_templateversion_test            nothing   T
mailer_templateversion_use             nothing   T

mailer_mailing_progress                MTSR      nothing
mailer_mailing_pause                   nothing   S
mailer_mailing_resume                  nothing   S
mailer_mailing_cancel                  S         S
mailer_mailing_retry                   S         S
mailer_delivery_retry                  S         S
mailer_delivery_resend                 S         S
mailer_delivery_let_be                 S         S
mailer_delivery_decide                 nothing   S
mailer_delivery_as_sent                MS        nothing
mailer_delivery_copy                   MS        nothing
mailer_mailing_as_sent                 MS        nothing

mailer_recipient_export                MS        MS
mailer_subscription_export             MS        MS
mailer_suppression_export              MS        MS
mailer_delivery_export                 MS        MS

mailer_import_layout                   nothing   M
mailer_import_start                    nothing   nothing
mailer_import_undo                     nothing   nothing
mailer_import_cancel                   nothing   M
mailer_import_progress                 MSR       MSR
mailer_import_bad-lines                nothing   nothing
mailer_import_kept-people              nothing   nothing
"""

#: What can be done with several rows at once, beyond deleting them, which the first table has.
ACTIONS = """
model                                  action          by

django_celery_beat.PeriodicTask        enable_tasks    -
django_celery_beat.PeriodicTask        disable_tasks   -
django_celery_beat.PeriodicTask        toggle_tasks    -
django_celery_beat.PeriodicTask        run_tasks       S
mailer.WebhookDelivery                 replay_chosen   -
"""


def rows(table: str) -> list[list[str]]:
    """The words of each line below the heading."""
    return [line.split() for line in table.strip().splitlines()[1:] if line.strip()]
