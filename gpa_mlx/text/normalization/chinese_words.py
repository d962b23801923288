"""Tables of Chinese: what is counted, and names of signs."""

from __future__ import annotations

from gpa_mlx.text.normalization.rules import listed

MEASURES = listed("""
    个 只 位 人 名 本 张 条 件 台 辆 次 天 年 周 小时 分钟 秒 元 块 米 公里 公斤 千克 克 岁 倍 种 家 间 杯 瓶
    万 亿 千 百万 千万
    页 场 座 所 部 篇 首 句 遍 趟 双 对 套 份 组 排 群 片 枚 颗 粒 棵 根 支 架 艘 匹 头 升 吨 厘米
    毫米 毫升 平方米 平方公里 立方米
    星期 点 杠 项 款 道 口 滴 节 顿 袋 盒 箱 包 美元 欧元 英镑 日元 碗 盘 斤 里 扇 幅 封 朵 把 顶 批 层楼
    """)
"""What follows a number that counts: 2 is 两 before it."""

TELEPHONE_WORDS = listed("拨打 拨 打 呼叫 致电 热线 电话 手机 手机号 号码 客服 分机 传真")
"""Before digits that are a telephone number."""

CODE_WORDS = listed("密码 编号 邮编 尾号 验证码 账号 卡号 工号 学号 代码 房间 房号 航班 车次")
"""Before digits that are said one by one."""

SIGNS = {
    **{"&": "和", "+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负", "−": "减", "≈": "约等于", "≠": "不等于"},
    **{"≤": "小于等于", "≥": "大于等于", "√": "根号", "∞": "无穷", "%": "百分号", "‰": "千分号", "°": "度", "§": "第"},
    **{
        "@": "艾特",
        "№": "号",
        "$": "美元",
        "€": "欧元",
        "£": "英镑",
        "¥": "元",
        "²": "平方",
        "³": "立方",
        "½": "二分之一",
    },
    **{"¼": "四分之一", "¾": "四分之三", "⅓": "三分之一", "⅔": "三分之二", "→": "到", "℃": "摄氏度", "℉": "华氏度"},
    **{"©": "版权", "®": "注册商标", "™": "商标", "₩": "韩元", "₹": "卢比", "¢": "美分"},
}
"""What a sign is called where no rule needed it."""

SCALES = ("万亿", "千万", "百万", "亿", "万", "千")

SHORT_SCALES = {"k": 3, "K": 3, "m": 6, "M": 6, "mn": 6, "b": 9, "B": 9, "bn": 9, "T": 12}
"""How many zeros a letter after an amount stands for."""
